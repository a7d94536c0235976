/**
 * A program that is loaded and ready, with all that its runs leave behind: verdicts, output, events, maps.
 * @module
 */

import { decodeProgram, type Instruction } from '../../isa/index.ts'
import {
  type Batch,
  type Collection,
  type Engine,
  type Program,
  Runtime,
  VerificationError,
} from '../../loader/index.ts'
import { toJson } from '../../maps/index.ts'
import { type ObjectSpec, parseObject } from '../../object/index.ts'
import { linux, type Platform, raw, rawProgramType } from '../../spec/index.ts'
import { AnybpfError, isAnybpfError, pairToU64 } from '../../util/index.ts'
import { type Report, verify } from '../../verifier/index.ts'
import { BpfFault, type Environment, VirtualEnvironment } from '../../vm/index.ts'
import { assembleFor } from '../assembler.ts'
import { CliError, EXIT, step, toCliError, usageError } from '../errors.ts'
import { chooseByName, readGlobals, readKconfig, readProgramFile, readTypesOption } from '../input.ts'
import { plainInteger } from '../json.ts'
import type { CliIo } from '../streams.ts'
import { LICENSE_OF_BARE_CODE } from '../verify/programs.ts'
import { BoundedList, BoundedTally } from './bounded.ts'
import { EventReader } from './events.ts'
import { fillMap, mapEntries, programsNamedBy, readMapFills } from './maps.ts'
import type { EventReport, RunReport } from './report.ts'

export interface SessionOptions {
  /** File of the types that CO-RE relocations are resolved to. */
  readonly btf?: string
  readonly kconfig?: readonly string[]
  readonly program?: string
  readonly raw?: boolean
  readonly type?: string
  readonly engine?: Engine
  /** False with `--no-verify`. */
  readonly verify: boolean
  readonly unchecked?: boolean
  readonly budget?: number
  readonly map?: readonly string[]
  readonly global?: readonly string[]
  readonly seed?: number
  readonly realTime?: boolean
  readonly lines: number
  readonly events: number
}

/** What nobody verified is interpreted: then a bad access is named. */
function engineOf({ engine, verify }: SessionOptions): Engine {
  return engine ?? (verify ? 'jit' : 'interpreter')
}

/** What a run takes: bytes (a packet, or memory) and fields of the context. */
export interface RunInput {
  readonly packet?: Uint8Array
  readonly context?: Readonly<Record<string, unknown>>
}

/** What program types give back besides `retval`; each gives some of it. */
interface ProgramOutput {
  readonly retval: number
  readonly verdict?: string | number
  readonly packet?: Uint8Array
  readonly memory?: Uint8Array
  readonly context?: unknown
  readonly redirect?: object
}

export interface RunOutcome {
  readonly retval: number
  /** Bytes of the packet, or memory, that the run left. */
  readonly length: number
  /** A copy of them. */
  bytes(): Uint8Array
}

const CLOCK_START = 1_000_000_000n

/** Different verdicts, or targets of redirects, that are told apart. */
const TALLY_LIMIT = 10_000

/**
 * Reads FILE, verifies and loads what `options` choose, and fills the maps. `memorySize`: bytes that a raw program is
 * given. Throws a CliError whose cause is a `VerificationError` for a program that is rejected.
 */
export async function openSession(
  file: string,
  options: SessionOptions,
  memorySize: number,
  io: CliIo,
): Promise<Session> {
  const input = await readProgramFile(file, options.raw ?? false, io)
  const globals = await readGlobals(options.global ?? [], io)
  const kconfig = await readKconfig(options.kconfig ?? [], io)
  const fills = await readMapFills(options.map ?? [], io)
  const output = new BoundedList<string>(options.lines)
  const virtual = new VirtualEnvironment({
    startNs: CLOCK_START,
    ...(options.seed === undefined ? {} : { seed: options.seed }),
  })
  const isRaw = input.kind !== 'object' && (options.type ?? 'raw') === 'raw'
  const runtime = new Runtime({
    platform: isRaw ? raw : linux(),
    environment: options.realTime ? realTime(virtual) : virtual,
    print: (line) => output.add(line),
  })
  try {
    const engine = {
      engine: engineOf(options),
      // What the verifier accepts needs no checks; the rest is checked unless asked otherwise.
      ...(options.unchecked === true ? { checked: false } : {}),
      ...(options.budget === undefined ? {} : { budget: options.budget }),
    }
    const started = performance.now()
    let program: Program
    let collection: Collection | undefined
    let spec: ObjectSpec | undefined
    if (input.kind === 'object') {
      if (options.type !== undefined)
        throw usageError('--type is for text and instruction bytes: an object says its types')
      const parsed = await step(EXIT.badInput, file, () => parseObject(input.bytes))
      spec = parsed
      const { name } = chooseByName(parsed.programs, options.program, 'program', file)
      const programs = [name, ...programsNamedBy(fills, parsed)]
      const targetBtf = await readTypesOption(options.btf, io)
      const loaded = await step(EXIT.rejected, file, () => {
        try {
          return runtime.load(parsed, {
            ...{ programs, globals, kconfig, verify: options.verify },
            ...(targetBtf !== undefined && { targetBtf }),
            ...engine,
          })
        } catch (error) {
          // A name that the object does not have came from the command line.
          if (isAnybpfError(error) && error.code === 'ERR_NOT_FOUND') {
            throw new CliError(EXIT.usage, error.code, error.message, file, error)
          }
          throw error
        }
      })
      collection = loaded
      program = loaded.programs[name]!
    } else {
      if (options.program !== undefined) throw usageError('--program is for objects: text and bytes are one program')
      if (options.kconfig !== undefined) throw usageError('--kconfig is for objects: text and bytes have no externs')
      if (fills.length > 0 || Object.keys(globals).length > 0) {
        throw usageError('--map and --global are for objects: text and bytes have no maps')
      }
      const insns = await step(EXIT.badInput, file, () =>
        input.kind === 'text' ? assembleFor(runtime.platform, input.text) : decodeProgram(input.bytes, 'little'),
      )
      if (insns.length === 0) throw new CliError(EXIT.badInput, 'ERR_FORMAT', 'holds no instructions', file)
      const type = options.type ?? 'raw'
      if (!runtime.definitions.programTypes.has(type)) {
        throw usageError(`--type ${type}: there are ${[...runtime.definitions.programTypes.keys()].join(', ')}`)
      }
      const report = options.verify ? verifyAlone(insns, type, runtime.platform, memorySize) : undefined
      if (report?.verdict === 'reject') {
        const error = new VerificationError(report)
        throw new CliError(EXIT.rejected, error.code, error.message, file, error)
      }
      const accepted = report === undefined ? {} : { report }
      program = await step(EXIT.rejected, file, () => runtime.loadProgram(insns, { ...engine, ...accepted, type }))
    }
    const compileMs = performance.now() - started
    for (const fill of fills) await step(EXIT.usage, undefined, () => fillMap(fill, collection!))
    return new Session({ file, runtime, program, collection, spec, virtual, output, compileMs, options })
  } catch (error) {
    runtime.dispose()
    throw error
  }
}

/** Verifies a program that is no object's: what it does to its memory is judged for the memory that it is given here. */
function verifyAlone(insns: readonly Instruction[], type: string, platform: Platform, memorySize: number): Report {
  const sized =
    type === 'raw'
      ? { ...platform, programTypes: new Map([...platform.programTypes, ['raw', rawProgramType(memorySize)]]) }
      : platform
  return verify({ name: 'program', type, license: LICENSE_OF_BARE_CODE, insns }, sized)
}

function realTime(virtual: VirtualEnvironment): Environment {
  return {
    monotonicNs: () => process.hrtime.bigint(),
    randomU32: () => virtual.randomU32(),
    task: virtual.task,
  }
}

interface SessionParts {
  readonly file: string
  readonly runtime: Runtime
  readonly program: Program
  readonly collection: Collection | undefined
  readonly spec: ObjectSpec | undefined
  readonly virtual: VirtualEnvironment
  readonly output: BoundedList<string>
  readonly compileMs: number
  readonly options: SessionOptions
}

export class Session {
  readonly name: string
  readonly type: string
  private readonly parts: SessionParts
  private readonly verdicts = new BoundedTally(TALLY_LIMIT)
  private readonly redirects = new BoundedTally(TALLY_LIMIT)
  private readonly reader: EventReader
  private readonly events: BoundedList<EventReport>
  private batch: Batch | undefined
  private runs = 0
  private runNs = 0
  private lastRetval: number | undefined
  private lastVerdict: string | number | undefined

  constructor(parts: SessionParts) {
    this.parts = parts
    this.name = parts.program.name
    this.type = parts.program.type
    this.events = new BoundedList(parts.options.events)
    this.reader = new EventReader(parts.collection)
  }

  /** Nanoseconds since the first packet, for the program's clock. */
  setElapsed(ns: bigint): void {
    this.parts.virtual.nowNs = CLOCK_START + ns
  }

  /**
   * Runs on inputs one after the other, or, where nobody could tell, on all of them at once; counts the verdicts. `before` is called
   * before a run in which the program may ask for the time. Throws the program's fault when it comes to the run that had it.
   */
  *runAll(inputs: readonly RunInput[], before: (index: number) => void): Generator<RunOutcome> {
    if (engineOf(this.parts.options) === 'jit' && !this.reader.hasMaps) yield* this.runTogether(inputs, before)
    else
      for (let index = 0; index < inputs.length; index++) {
        before(index)
        yield this.run(inputs[index]!)
      }
  }

  private *runTogether(inputs: readonly RunInput[], onHelper: (index: number) => void): Generator<RunOutcome> {
    this.batch ??= this.parts.program.batch()
    const { batch } = this
    batch.fill(inputs.map((input) => this.inputOf(input)))
    const started = performance.now()
    let error: unknown
    try {
      batch.run({ onHelper })
    } catch (thrown) {
      // The packet's number in the capture is told, not the one in this batch.
      error = thrown instanceof BpfFault && thrown.details.input !== undefined ? thrown.cause : thrown
    }
    this.runNs += (performance.now() - started) * 1e6
    for (let index = 0; index < batch.completed; index++) {
      const retval = batch.retval(index)
      if (batch.askedForRedirect(index)) this.count(batch.result(index) as ProgramOutput)
      else this.count({ retval, verdict: batch.verdict(index) })
      yield {
        retval,
        length: batch.lengthLeft(index),
        bytes: () => bytesOf(batch.result(index) as ProgramOutput),
      }
    }
    if (error !== undefined) throw error
  }

  /** Runs once and counts the verdict. Throws the program's fault. */
  private run(input: RunInput): RunOutcome {
    const { program } = this.parts
    let started = performance.now()
    let result: ProgramOutput
    if (this.type === 'raw') {
      // Of all 64 bits of its result, which only this way tells.
      result = program.run(this.inputOf(input)) as ProgramOutput
      this.runNs += (performance.now() - started) * 1e6
    } else {
      const address = program.layOut(this.inputOf(input))
      started = performance.now()
      const retval = program.runAt(address)
      this.runNs += (performance.now() - started) * 1e6
      // Not a spread: results can be getters of a class.
      result = Object.assign(program.collect(retval) as object, { retval })
    }
    this.count(result)
    const bytes = bytesOf(result)
    return { retval: result.retval, length: bytes.length, bytes: () => bytes }
  }

  /**
   * Runs `count` times. The input is laid out at the first call, and each run finds what the one before it left; with
   * `fresh` it is laid out before every run. Of the verdicts only the last run's is known.
   */
  repeat(input: RunInput, count: number, fresh: boolean): void {
    const { program } = this.parts
    const given = this.inputOf(input)
    let retval = 0
    if (fresh) for (let i = 0; i < count; i++) retval = program.invoke(given)
    else retval = this.runs === 0 ? program.repeat(given, count) : program.again(count)
    this.runs += count - 1
    this.verdicts.clear()
    this.count({ ...(program.collect(retval) as object), retval })
  }

  private count(result: ProgramOutput): void {
    this.runs++
    this.lastRetval = result.retval
    this.lastVerdict = result.verdict
    const verdict = typeof result.verdict === 'string' ? result.verdict : String(result.retval)
    this.verdicts.add(verdict)
    if (result.redirect !== undefined) {
      const target = Object.entries(result.redirect)
        .map(([field, value]) => `${field} ${value}`)
        .join(', ')
      this.redirects.add(target)
    }
  }

  /** Takes out of ring buffers and perf event arrays what the program put there. */
  takeEvents(packet?: number): void {
    this.reader.drain((make) => {
      if (!this.events.wantsMore) this.events.skip()
      else this.events.add(packet === undefined ? make() : { ...make(), packet })
    })
  }

  /** What is left after the last run. */
  last(): Pick<RunReport, 'packet' | 'context'> {
    const left = this.parts.program.collect(this.lastRetval ?? 0) as ProgramOutput
    const packet = left.packet ?? left.memory
    return {
      ...(packet === undefined ? {} : { packet }),
      ...(left.context === undefined ? {} : { context: left.context }),
    }
  }

  report(): Omit<RunReport, 'maps'> {
    const { options, output, compileMs, runtime } = this.parts
    const ended = this.lastRetval !== undefined
    // Only a raw program's r0 is a 64-bit result; the kernel looks at the low half of the others'.
    const r0 = this.type === 'raw' && ended ? fullResult(runtime) : undefined
    return {
      program: this.name,
      type: this.type,
      engine: engineOf(options),
      verified: options.verify,
      checked: engineOf(options) === 'interpreter' && !options.verify && options.unchecked !== true,
      runs: this.runs,
      retval: r0 === undefined ? (this.lastRetval ?? null) : plainInteger(r0),
      ...(typeof this.lastVerdict === 'string' ? { verdict: this.lastVerdict } : {}),
      ...(r0 === undefined ? {} : { r0: `0x${r0.toString(16)}` }),
      nsPerRun: this.runs === 0 ? null : this.runNs / this.runs,
      compileMs,
      verdicts: Object.fromEntries(this.verdicts.counts),
      output: output.items,
      outputLines: output.count,
      events: this.events.items,
      eventCount: this.events.count,
      redirects: [...this.redirects.counts].map(([target, count]) => ({ target, count })),
    }
  }

  get collection(): Collection | undefined {
    return this.parts.collection
  }

  /** The entries of every map, as pairs. */
  mapsToJson(): Record<string, unknown> {
    const json: Record<string, unknown> = Object.create(null)
    const { collection } = this.parts
    if (collection === undefined) return json
    for (const [name, map] of Object.entries(collection.maps)) json[name] = [...mapEntries(map, collection)].map(toJson)
    return json
  }

  /** What a run threw, as the command tells it. */
  explain(error: unknown, packet?: number): CliError {
    if (!isAnybpfError(error)) return toCliError(error)
    const exit = error.code === 'ERR_USAGE' ? EXIT.usage : error.code === 'ERR_PACKET' ? EXIT.badInput : EXIT.rejected
    const where = packet === undefined ? '' : `packet ${packet}: `
    return new CliError(exit, error.code, `${where}${error.message}`, this.parts.file, error)
  }

  dispose(): void {
    this.parts.runtime.dispose()
  }

  private inputOf(input: RunInput): unknown {
    if (this.type === 'raw') {
      if (input.context !== undefined)
        throw new AnybpfError('ERR_USAGE', 'a raw program has no context: leave out --ctx')
      return input.packet
    }
    const packet = input.packet ?? NO_BYTES
    return input.context === undefined ? packet : { packet, context: input.context }
  }
}

const NO_BYTES = new Uint8Array(0)

function bytesOf({ packet, memory }: ProgramOutput): Uint8Array {
  return packet ?? memory ?? NO_BYTES
}

function fullResult(runtime: Runtime): bigint {
  const { registers } = runtime.interpreter.cpu
  return pairToU64(registers[0]!, registers[1]!)
}
