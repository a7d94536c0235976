/**
 * A runtime whose world is hostile, and whose programs are checked at every instruction: what the soundness self-check
 * runs on. Helpers answer what they may, frames and contexts hold anything, other CPUs write to maps in the meantime.
 * @module
 */
import { BUILTIN_PROGRAM_TYPES } from '../../programs/index.ts'
import { type ContextField, type ContextLayout, linux, type Platform } from '../../spec/index.ts'
import { AnybpfError } from '../../util/index.ts'
import type { VerifiedFacts } from '../../verifier/facts/recorded-states.ts'
import { baseType, CONST_PTR_TO_MAP, PTR_TO_BTF_ID } from '../../verifier/types.ts'
import { BpfFault, type LinkedProgram, type VirtualCpu } from '../../vm/index.ts'
import type { Extension } from '../extension.ts'
import type { Program } from '../program.ts'
import { Runtime } from '../runtime.ts'
import { GuestObjects } from './guest-objects.ts'
import { hostileProgramTypes } from './hostile-context.ts'
import { type HostileWorld, hostileHelpers } from './hostile-helpers.ts'
import { SelfCheck, SoundnessViolation } from './self-check.ts'
import { ValueSource } from './value-source.ts'

export interface HostileRuntimeOptions {
  readonly seed: number
  /** What programs are verified for; default the newest Linux. */
  readonly platform?: Platform
  /** Out of 256: how many calls of helpers that exist are answered without them. Default 48. */
  readonly havoc?: number
  /** Programs of types that nothing here can build a context for can be run too. */
  readonly anyType?: true
  /** Instructions of a run; one that takes more is given up, without a verdict. Default 20,000. */
  readonly budget?: number
}

/** How a run went that found no violation. */
export type RunOutcome = 'finished' | 'budget' | 'kernel_memory'

/** A loaded program with what is known of it. */
export interface WatchedProgram {
  readonly program: Program
  readonly facts: readonly VerifiedFacts[]
}

const RANDOM_FRAME_BYTES = 4096
/** Pointers to structures of the kernel, of which there is nothing here but their address. */
const KERNEL_STRUCTURES: ReadonlySet<number> = new Set([PTR_TO_BTF_ID, CONST_PTR_TO_MAP])
/** Out of 256. */
const ALWAYS = 256
const BUILTIN_TYPES: ReadonlySet<string> = new Set(BUILTIN_PROGRAM_TYPES.map(({ spec }) => spec.name))

export class HostileRuntime {
  readonly platform: Platform
  readonly runtime: Runtime
  readonly values: ValueSource
  readonly objects: GuestObjects
  readonly check: SelfCheck
  private readonly cpu: VirtualCpu
  private readonly budget: number
  private readonly havoc: number
  private readonly world: { -readonly [K in keyof HostileWorld]: HostileWorld[K] }
  /** Bytes that new frames are filled with, from a place that moves. */
  private readonly filling: Uint8Array
  private fillingAt = 0
  /** By address of a map. */
  private readonly storage = new Map<number, number>()
  /** Memory that others write to while a program runs: values of maps. */
  private readonly shared: { readonly start: number; readonly end: number }[] = []

  constructor(options: HostileRuntimeOptions) {
    this.platform = options.platform ?? linux()
    this.budget = options.budget ?? 20_000
    this.havoc = options.havoc ?? 48
    this.values = new ValueSource(options.seed)
    this.filling = new Uint8Array(RANDOM_FRAME_BYTES)
    this.values.fill(new DataView(this.filling.buffer), 0, RANDOM_FRAME_BYTES)
    // The objects are of a machine that takes the helpers that know the objects.
    const objects: { current: GuestObjects | undefined } = { current: undefined }
    this.world = {
      values: this.values,
      get objects(): GuestObjects {
        return objects.current!
      },
      programType: '',
      havoc: this.havoc,
      disturb: () => this.disturb(),
      anyValue: (map) => this.storage.get(map.address) ?? 0,
    }
    const extension: Extension = {
      ...hostileHelpers(this.platform, this.world),
      ...(options.anyType === true && { programTypes: hostileProgramTypes(this.platform) }),
    }
    this.runtime = new Runtime({ platform: this.platform, extensions: [extension] })
    this.objects = objects.current = new GuestObjects(this.runtime.machine)
    this.cpu = this.runtime.interpreter.cpu
    this.check = new SelfCheck({
      cpu: this.cpu,
      objects: this.objects,
      onFrame: (start, end) => this.fillFrame(start, end),
      onBegin: (context, layout) => this.fillContext(context, layout),
    })
  }

  /** The value that storage of a kernel object has in a map of nobody's making. */
  addStorage(map: number, value: number): void {
    this.storage.set(map, value)
  }

  /** Bytes that change while programs run, whenever they call a helper. */
  share(start: number, size: number): void {
    this.shared.push({ start, end: start + size })
  }

  /** Makes a program ready to run that was verified as `facts` say. */
  load(linked: LinkedProgram, type: string, facts: readonly VerifiedFacts[]): WatchedProgram {
    const program = this.runtime.createProgram(linked, this.runtime.programType(type), {
      engine: 'interpreter',
      checked: true,
      budget: this.budget,
    })
    return this.watch({ program, facts })
  }

  watch(watched: WatchedProgram): WatchedProgram {
    this.check.watch(watched.program.executable, watched.facts)
    return watched
  }

  unload({ program }: WatchedProgram): void {
    this.check.forget(program.executable)
    program.dispose()
  }

  /** Runs a program once. Throws `SoundnessViolation` if it does, or holds, what the verifier ruled out. */
  run({ program, facts }: WatchedProgram, input: unknown): RunOutcome {
    this.world.programType = program.type
    // Where the context is made up, helpers that exist would not know it.
    this.world.havoc = BUILTIN_TYPES.has(program.type) ? this.havoc : ALWAYS
    this.check.begin()
    let retval: number
    try {
      retval = program.invoke(input, { checked: true, trace: this.check.trace, budget: this.budget })
    } catch (error) {
      return this.judgeFault(error, facts[0]!)
    }
    this.checkResult(facts[0]!, retval)
    return 'finished'
  }

  /** A verified program has no faults; but memory of the kernel does not exist here. */
  private judgeFault(error: unknown, facts: VerifiedFacts): RunOutcome {
    if (error instanceof BpfFault) {
      if (error.kind === 'budget') return 'budget'
      if (KERNEL_STRUCTURES.has(baseType(facts.env.pointerTypes[error.slot] ?? 0))) return 'kernel_memory'
      throw new SoundnessViolation(`${error.message} [fault]`, { slot: error.slot, fault: error.kind })
    }
    if (error instanceof AnybpfError && error.code === 'ERR_FAULT') {
      throw new SoundnessViolation(`${facts.program.name}: ${error.message} [fault]`, {})
    }
    throw error
  }

  /** The program returns what its type lets it return. */
  private checkResult({ env, program }: VerifiedFacts, retval: number): void {
    const range = env.programType.rules?.returnRange(program.attachType, program.attachTo)
    if (range === undefined || range.wide === true) return
    const value = retval | 0
    if (value < range.min || value > range.max) {
      throw new SoundnessViolation(`${program.name}: returns ${value}, not ${range.min} to ${range.max}`, {})
    }
  }

  private disturb(): void {
    const { random } = this.values
    if (this.shared.length === 0 || random.u32() >>> 30 !== 0) return
    const { start, end } = random.pick(this.shared)
    this.values.fill(this.cpu.memory.view, start, end)
  }

  private fillFrame(start: number, end: number): void {
    const size = end - start
    this.fillingAt = (this.fillingAt + 264) % (RANDOM_FRAME_BYTES - size)
    this.cpu.memory.u8.set(this.filling.subarray(this.fillingAt, this.fillingAt + size), start)
  }

  /** Fields that hold numbers hold any. */
  private fillContext(context: number, layout: ContextLayout | undefined): void {
    if (layout === undefined) return
    const { view } = this.cpu.memory
    for (const field of layout.fields) {
      if (field.pointer !== undefined) continue
      for (let i = 0; i < (field.count ?? 1); i++) this.fillField(view, context + i * field.size, field)
    }
  }

  private fillField(view: DataView, context: number, { offset, size }: ContextField): void {
    const { values } = this
    values.draw()
    const at = context + offset
    if (size === 8) {
      view.setInt32(at, values.low, true)
      view.setInt32(at + 4, values.high, true)
    } else if (size === 4) view.setInt32(at, values.low, true)
    else if (size === 2) view.setInt16(at, values.low, true)
    else view.setInt8(at, values.low)
  }

  dispose(): void {
    this.runtime.dispose()
  }
}
