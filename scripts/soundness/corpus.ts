/**
 * The self-check over programs that nobody here wrote: the objects and the kernel's verifier tests of the corpora. Every
 * program that is accepted, and can run in a world without a kernel, runs on a few packets, every instruction checked.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Btf } from '../../src/btf/index.ts'
import type { Instruction } from '../../src/isa/index.ts'
import { VerifyInput } from '../../src/loader/index.ts'
import { HostileMaps } from '../../src/loader/self-check/hostile-maps.ts'
import { HostileRuntime, type RunOutcome } from '../../src/loader/self-check/hostile-runtime.ts'
import { SoundnessViolation } from '../../src/loader/self-check/self-check.ts'
import { type ProgramSpec, parseObject } from '../../src/object/index.ts'
import { linux, type Platform } from '../../src/spec/index.ts'
import { AnybpfError } from '../../src/util/index.ts'
import { recordVerification, type VerifiedFacts } from '../../src/verifier/facts/recorded-states.ts'
import type { VerifierProgram, VerifyOptions } from '../../src/verifier/index.ts'
import { Rejection } from '../../src/verifier/rejection.ts'
import type { LinkedProgram } from '../../src/vm/index.ts'
import { generatePackets } from '../../test/support/packets.ts'
import { findByRow } from '../score/load.ts'
import { readKernelBtf } from '../score/test-verifier.ts'
import { caseOptions, caseProgram, readVerifierCorpus } from '../score/verifier-corpus.ts'

const PLATFORM: Platform = linux('6.18')
const RUNS = 8
/** Instructions processed beyond which a program is left out, and its strict verification. */
const MAX_INSNS = 400_000
const MAX_STRICT_INSNS = 100_000

export interface CorpusResult {
  /** Programs that ran, of those that were accepted here. */
  readonly ran: number
  readonly accepted: number
  /** Those that were held against a strict verification, too. */
  readonly strict: number
  readonly instructions: number
  readonly outcomes: ReadonlyMap<RunOutcome, number>
  /** Why programs did not run, and how many. */
  readonly left: ReadonlyMap<string, number>
  readonly violations: readonly string[]
}

interface Subject {
  readonly id: string
  readonly program: VerifierProgram
  readonly options: VerifyOptions
}

/** One pass over subjects; they may share objects, but each runs in a world of its own. */
class CorpusRun implements CorpusResult {
  ran = 0
  accepted = 0
  strict = 0
  instructions = 0
  readonly outcomes = new Map<RunOutcome, number>()
  readonly left = new Map<string, number>()
  readonly violations: string[] = []
  private readonly seed: number
  private readonly packets: readonly Uint8Array[]

  constructor(seed: number) {
    this.seed = seed
    this.packets = generatePackets(seed, RUNS)
  }

  tryProgram({ id, program, options }: Subject): void {
    const plain = recordVerification(program, PLATFORM, { ...options, insnLimit: MAX_INSNS })
    if (plain instanceof Rejection) {
      if (plain.code === 'too_many_instructions') this.leave('takes too long to verify')
      return
    }
    this.accepted++
    const reason = whyNotHere(plain)
    if (reason !== undefined) {
      this.leave(reason)
      return
    }
    const strict = recordVerification(program, PLATFORM, {
      ...options,
      insnLimit: MAX_STRICT_INSNS,
      strictPruning: true,
    })
    const facts = strict instanceof Rejection ? [plain] : [plain, strict]
    const host = new HostileRuntime({ seed: this.seed, platform: PLATFORM, anyType: true })
    try {
      this.run(host, program, facts)
      if (facts.length > 1) this.strict++
    } catch (error) {
      if (error instanceof SoundnessViolation) this.violations.push(`${id}: ${error.message}`)
      else if (error instanceof AnybpfError) this.leave(`cannot be loaded: ${error.code}`)
      else throw error
    } finally {
      this.instructions += host.check.checked
      host.dispose()
    }
  }

  private run(host: HostileRuntime, program: VerifierProgram, facts: readonly VerifiedFacts[]): void {
    const maps = new HostileMaps(host)
    const watched = host.load(link(program, maps), program.type, facts)
    maps.offerProgram(watched.program.executable.index)
    this.ran++
    host.values.learn(constantsOf(program))
    for (const packet of this.packets) {
      const outcome = host.run(watched, packet)
      this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
    }
  }

  leave(reason: string): void {
    this.left.set(reason, (this.left.get(reason) ?? 0) + 1)
  }
}

/** Why an accepted program cannot run in this world. */
function whyNotHere({ program, env }: VerifiedFacts): string | undefined {
  if (program.byteOrder === 'big') return 'it is big-endian'
  const { rules } = env.programType
  if (rules?.typedContext === true || rules?.prototypedEntry === true) return 'its context has types of the kernel'
  for (const insn of program.insns) {
    if (insn.kind === 'call' && insn.target === 'kfunc') return 'it calls kernel functions'
    if (insn.kind === 'addr_space_cast') return 'it uses an arena'
    if (insn.kind !== 'call' || insn.target !== 'helper') continue
    const helper = env.platform.helpers.get(insn.imm)
    if (helper?.signature?.args.some(({ kind }) => kind === 'dynptr') === true) return 'it uses dynptrs'
  }
  for (const reference of program.references?.values() ?? []) {
    if (reference.kind !== 'map' && reference.kind !== 'map_value') return 'it wants kernel symbols'
  }
  return undefined
}

function link({ name, insns, references }: VerifierProgram, maps: HostileMaps): LinkedProgram {
  const linked: Instruction[] = insns.slice()
  for (const [slot, reference] of references ?? []) {
    const insn = linked[slot]!
    if (insn.kind !== 'lddw' || (reference.kind !== 'map' && reference.kind !== 'map_value')) continue
    const address =
      reference.kind === 'map' ? maps.address(reference.map) : maps.valueAddress(reference.map, reference.offset)
    linked[slot] = { kind: 'lddw', source: 'imm64', dst: insn.dst, imm: address | 0, imm2: 0 }
  }
  return { name, insns: linked }
}

/** What the program compares with: pairs of halves. */
function constantsOf({ insns }: VerifierProgram): number[] {
  const constants: number[] = []
  for (const insn of insns) {
    if (insn.kind !== 'jump' || !('imm' in insn.src) || constants.length >= 128) continue
    constants.push(insn.src.imm, insn.src.imm >> 31)
  }
  return constants
}

interface VerdictRow {
  readonly object: string
  readonly section: string
  readonly function: string
  readonly prog_type: string
  readonly linux: { readonly verdict: string; readonly prep?: readonly string[] | null }
}

export interface CorpusOptions {
  readonly seed: number
  /** Only one program of so many. Default: all. */
  readonly every?: number
  readonly onProgress?: (done: number, of: number) => void
}

/** The programs of `objects/` that Linux accepts. */
export function checkObjects(path: string, { seed, every = 1, onProgress }: CorpusOptions): CorpusResult {
  const run = new CorpusRun(seed)
  const all = JSON.parse(readFileSync(join(path, 'verdicts.json'), 'utf8')) as VerdictRow[]
  const rows = all.filter(({ linux: { verdict } }) => verdict === 'accept').filter((_, i) => i % every === 0)
  const kernelBtf = readKernelBtf()
  rows.forEach((row, i) => {
    onProgress?.(i, rows.length)
    const id = `${row.object} ${row.section} ${row.function}`
    let subject: Subject
    try {
      subject = { id, program: describeRow(path, row), options: optionsWith(kernelBtf) }
    } catch {
      run.leave('cannot be read')
      return
    }
    run.tryProgram(subject)
  })
  return run
}

function describeRow(path: string, row: VerdictRow): VerifierProgram {
  const spec = parseObject(readFileSync(join(path, row.object)))
  if (row.linux.prep?.some((step) => /gpl|licen[cs]e/i.test(step)) === true) spec.license = 'GPL'
  for (const map of Object.values(spec.maps)) if (map.maxEntries === 0 && map.kind === 'map') map.maxEntries = 1
  const found = findByRow(row, [...Object.values(spec.programs), ...Object.values(spec.functions)])
  if (found === undefined) throw new Error('not found in the object')
  const described = new VerifyInput(spec, PLATFORM).program(found as ProgramSpec)
  if (row.prog_type === described.type) return described
  const { attachType: _, attachTo: __, ...rest } = described
  return { ...rest, type: row.prog_type }
}

function optionsWith(kernelBtf: Btf | undefined): VerifyOptions {
  return { author: 'trusted', ...(kernelBtf !== undefined && { kernelBtf }) }
}

/** The cases of `test_verifier.json` that the kernel accepts. */
export function checkCases(path: string, { seed, every = 1, onProgress }: CorpusOptions): CorpusResult {
  const run = new CorpusRun(seed)
  const corpus = readVerifierCorpus(path)
  const accepted = corpus.tests.filter(({ linux618: { verdict } }) => verdict === 'ACCEPT')
  const cases = accepted.filter((_, i) => i % every === 0)
  const kernelBtf = readKernelBtf()
  cases.forEach((test, i) => {
    onProgress?.(i, cases.length)
    run.tryProgram({
      id: `${test.id} ${test.name}`,
      program: caseProgram(corpus, test),
      options: { ...optionsWith(kernelBtf), ...caseOptions(test) },
    })
  })
  return run
}

/** The corpora under a folder, by name; those that are not there are left out. */
export function corporaIn(folder: string): { readonly objects?: string; readonly cases?: string } {
  const objects = join(folder, 'objects')
  const cases = join(folder, 'test_verifier.json')
  return {
    ...(existsSync(join(objects, 'verdicts.json')) && { objects }),
    ...(existsSync(cases) && { cases }),
  }
}

export function corpusText(name: string, result: CorpusResult): string {
  const outcomes = [...result.outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', ')
  const left = [...result.left].map(([reason, count]) => `  ${count} not run: ${reason}`)
  return [
    `${name}: ${result.ran} of ${result.accepted} accepted programs ran, ${result.strict} of them held to every value; ` +
      `${result.instructions} instructions checked; runs: ${outcomes}`,
    ...left,
    ...result.violations.map((violation) => `  VIOLATION ${violation}`),
  ].join('\n')
}
