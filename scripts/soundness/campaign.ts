/**
 * Generates programs, verifies them twice, and runs those that are accepted in a hostile world, every instruction
 * checked. Stops at the first violation, or goes on and counts them.
 * @module
 */
import { HostileRuntime, type WatchedProgram } from '../../src/loader/self-check/hostile-runtime.ts'
import { SoundnessViolation } from '../../src/loader/self-check/self-check.ts'
import { recordVerification, type VerifiedFacts } from '../../src/verifier/facts/recorded-states.ts'
import type { VerifyOptions } from '../../src/verifier/index.ts'
import { Rejection } from '../../src/verifier/rejection.ts'
import { type GeneratedProgram, Generator } from './generator/generate.ts'
import { GeneratorMaps } from './maps.ts'
import { Statistics } from './statistics.ts'

export interface CampaignOptions {
  readonly seed: number
  /** Programs that are accepted. */
  readonly programs: number
  /** Runs of each. Default 4. */
  readonly runs?: number
  /** Ends at the first violation. Default: goes on. */
  readonly stopAtFirst?: boolean
  /** Milliseconds after which it ends, whatever was reached. */
  readonly timeLimit?: number
  /** Told of progress, now and then. */
  readonly onProgress?: (statistics: Statistics) => void
}

export interface FoundViolation {
  /** Seed of the program. */
  readonly seed: number
  readonly message: string
  /** Accepted programs before it. */
  readonly after: number
}

/** Instructions that a generated program may cost the verifier. */
const INSN_LIMIT = 12_000
const DEFAULT_RUNS = 4
const PACKET_MAX = 128
/** Programs between two in the tail-call table's slots that are put there anew. */
const RENEW_TARGETS = 200

export class Campaign {
  readonly statistics = new Statistics()
  readonly violations: FoundViolation[] = []
  private readonly options: CampaignOptions
  private readonly host: HostileRuntime
  private readonly maps: GeneratorMaps
  private readonly generator: Generator
  private readonly packet = new Uint8Array(PACKET_MAX)
  private readonly packetView = new DataView(this.packet.buffer)
  /** Programs that others may tail-call, by program type. */
  private readonly targets = new Map<string, WatchedProgram[]>()

  constructor(options: CampaignOptions) {
    this.options = options
    this.host = new HostileRuntime({ seed: options.seed, budget: 1500 })
    this.maps = new GeneratorMaps(this.host)
    this.generator = new Generator({ maps: this.maps.maps })
  }

  run(): void {
    const { options, statistics } = this
    const began = Date.now()
    for (let seed = options.seed; statistics.accepted < options.programs; seed++) {
      this.tryProgram(seed)
      if (options.stopAtFirst === true && this.violations.length > 0) return
      if (statistics.generated % 512 !== 0) continue
      options.onProgress?.(statistics)
      if (options.timeLimit !== undefined && Date.now() - began > options.timeLimit) return
    }
  }

  /** One program, whatever comes of it. */
  tryProgram(seed: number): void {
    const generated = this.generator.generate(seed)
    this.statistics.generated++
    const facts = this.verify(generated)
    if (facts instanceof Rejection) {
      this.statistics.reject(facts)
      return
    }
    const after = this.statistics.accepted
    this.statistics.accept(generated, facts)
    try {
      this.check(generated, facts)
    } catch (error) {
      if (!(error instanceof SoundnessViolation)) throw error
      this.violations.push({ seed, message: error.message, after })
    }
    this.statistics.instructions = this.host.check.checked
  }

  /** Strictly, for containment; and as it is done otherwise. */
  private verify({ program, untrusted, testStateFrequency }: GeneratedProgram): VerifiedFacts[] | Rejection {
    const options: VerifyOptions = {
      author: untrusted ? 'untrusted' : 'trusted',
      insnLimit: INSN_LIMIT,
      testStateFrequency,
    }
    const plain = recordVerification(program, this.host.platform, options)
    if (plain instanceof Rejection) return plain
    const strict = recordVerification(program, this.host.platform, { ...options, strictPruning: true })
    if (strict instanceof Rejection) return strict
    return [plain, strict]
  }

  private check(generated: GeneratedProgram, facts: readonly VerifiedFacts[]): void {
    const { host } = this
    host.values.learn(generated.dictionary)
    const watched = host.load(this.maps.link(generated.program), generated.program.type, facts)
    let keep = false
    try {
      for (let i = 0; i < (this.options.runs ?? DEFAULT_RUNS); i++) {
        this.statistics.count(host.run(watched, this.input()))
      }
      keep = this.becomesTarget(generated)
    } finally {
      if (!keep) host.unload(watched)
    }
    if (keep) this.addTarget(watched)
  }

  private becomesTarget({ program }: GeneratedProgram): boolean {
    return this.statistics.accepted % RENEW_TARGETS < 16 && this.maps.named(program.type) !== undefined
  }

  /** Others may tail-call it from now on; the oldest one goes. */
  private addTarget(watched: WatchedProgram): void {
    const { type } = watched.program
    const targets = this.targets.get(type) ?? []
    this.targets.set(type, targets)
    targets.push(watched)
    if (targets.length > 3) this.host.unload(targets.shift()!)
    targets.forEach(({ program }, i) => {
      this.maps.named(type)!.set(i, program.executable.index)
    })
  }

  /** A packet of any length, most often a short one. */
  private input(): Uint8Array {
    const { random } = this.host.values
    const length = 14 + random.below(random.below(4) === 0 ? PACKET_MAX - 14 : 50)
    this.host.values.fill(this.packetView, 0, length)
    return this.packet.subarray(0, length)
  }

  dispose(): void {
    this.host.dispose()
  }
}
