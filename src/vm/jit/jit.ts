/**
 * The JIT: runs programs as WebAssembly that was compiled from them.
 *
 * Each program is compiled when it is first run (or called), once for each way of running it: with a budget or without.
 * Modules share the linear memory and one count of the budget, and call each other's functions, so that callbacks and tail calls
 * cross from one into another.
 *
 * What differs from the interpreter, for programs that nobody verified only: addresses are taken modulo 2^32; which object an
 * access falls into is not tested, so that a verified program may not tail-call into such a one (`bad_call`). Verified
 * programs cannot tell the engines apart.
 * @module
 */
import type { Instruction } from '../../isa/instruction.ts'
import type { HelperSpec } from '../../spec/types.ts'
import { AnybpfError } from '../../util/errors.ts'
import { pairToU64 } from '../../util/int64.ts'
import { FUNCTION_TAG } from '../code-address.ts'
import { BpfFault, createFault } from '../fault.ts'
import { accessFault, FaultSignal, hex, missingHelper } from '../fault-signal.ts'
import type { GuestAddress } from '../guest-memory.ts'
import { Budget, DEFAULT_BUDGET } from '../limits.ts'
import { type CodeEntry, type ExecutableProgram, type HelperDefinition, isPacketSource } from '../machine.ts'
import type { VirtualCpu } from '../virtual-cpu.ts'
import { CodeTable } from './code-table.ts'
import {
  CPU_FRAME,
  CPU_FUEL,
  CPU_HIGH,
  CPU_RECORD,
  CPU_RESULT,
  CPU_RUNS,
  CPU_TAIL_CALLS,
  cpuBlockOf,
} from './cpu-block.ts'
import type { Entries } from './entries.ts'
import { FAULT, helperImport, type ImportName } from './imports.ts'
import {
  exportName,
  invokeName,
  type ModuleSource,
  type ProgramModule,
  TABLE_NAME,
  TAIL_CALLS_NAME,
} from './module-source.ts'
import { createRunner, type Runner, type RunnerHost, type RunnerInput } from './runner.ts'

const ENOENT = 2
/** Runs that one call of compiled code is asked for. */
const MAX_REPEATS = 2 ** 30

/** See `invokeName`. */
type Invoke = (a1: number, a2: number, a3: number, a4: number, a5: number) => number

/** A program, compiled for one way of running it. */
interface Executable extends Entries {
  readonly program: ExecutableProgram
  readonly compiled: ProgramModule
  readonly instance: WebAssembly.Instance
  readonly guard: boolean
  readonly budgeted: boolean
  /** What it calls without knowing; undefined: nothing. */
  readonly table: CodeTable | undefined
}

export interface JitRunOptions {
  /** Instructions that the run may take; 0: no bound. Default: no bound for a program that was verified, else 100 million. */
  readonly budget?: number
}

export class Jit {
  readonly cpu: VirtualCpu
  private readonly source: ModuleSource
  private readonly block: GuestAddress
  private readonly fuel = new WebAssembly.Global({ value: 'i32', mutable: true }, 0)
  private readonly budget = new Budget()
  /** By index of the program; without a budget, and with one. */
  private readonly executables: [(Executable | undefined)[], (Executable | undefined)[]] = [[], []]
  /** Modules have their number in their name, for stack traces. */
  private readonly byId = new Map<number, Executable>()
  private nextId = 0
  private current: Executable | undefined
  /** A program has called a function of another one that is not of its kind. */
  private crossed = false
  /** Of the run that `budget` is about. */
  private runsSeen = 0
  /** While a batch runs: makes the context that of a record. */
  private select: ((record: GuestAddress) => void) | undefined
  /** Where the last call into JavaScript came from. */
  private callSlot = 0
  private caller: Executable | undefined

  private readonly mayCopy: boolean

  /** `source`: see {@link justInTime}. `mayCopy`: whether the place allows text to become code, see `runner.ts`. */
  constructor(cpu: VirtualCpu, source: ModuleSource, mayCopy = true) {
    this.cpu = cpu
    this.mayCopy = mayCopy
    this.source = source
    this.block = cpuBlockOf(cpu.id)
    cpu.machine.onRemoval.add(this.removed)
  }

  /** Runs a program as {@link Interpreter.run} does: the low 32 bits of r0, unsigned; all 64 are in `cpu.registers`. */
  run(program: ExecutableProgram, r1: GuestAddress, r2: number, options: JitRunOptions = {}): number {
    return this.inside(program, options, (executable) => {
      const { cpu } = this
      const low = executable.run(r1, r2)
      cpu.memory.refresh()
      cpu.registers[0] = low
      cpu.registers[1] = this.word(CPU_HIGH)
      return low >>> 0
    })
  }

  /** Runs a program `count` times, at least once, each time on what the run before left: the last result, as `run` gives it. */
  repeat(program: ExecutableProgram, r1: GuestAddress, r2: number, count: number, options: JitRunOptions = {}): number {
    // The last run tells all of r0.
    for (let left = count - 1; left > 0; left -= MAX_REPEATS) {
      const next = Math.min(left, MAX_REPEATS)
      this.inside(program, options, (executable) => executable.repeat(r1, r2, next))
    }
    return this.run(program, r1, r2, options)
  }

  /**
   * Runs a program once for each of `count` records (see `batch-layout.ts`), from the one at `first` on; at least one. `select` is
   * called with the record's address before JavaScript does anything for a run. A fault ends the batch; `record` is the one.
   */
  batch(
    program: ExecutableProgram,
    first: GuestAddress,
    count: number,
    select: (record: GuestAddress) => void,
    options: JitRunOptions = {},
  ): void {
    this.select = select
    this.cpu.memory.refresh()
    this.setWord(CPU_RECORD, first)
    try {
      this.inside(program, options, (executable) => executable.batch(first, count))
    } finally {
      this.select = undefined
      this.cpu.memory.refresh()
    }
  }

  /** The record of a batch that was run last. */
  get record(): GuestAddress {
    return this.word(CPU_RECORD) >>> 0
  }

  private inside<T>(program: ExecutableProgram, options: JitRunOptions, enter: (executable: Executable) => T): T {
    this.assertIdle(program)
    const budget = options.budget ?? defaultBudget(program)
    const executable = this.executable(program, budget !== 0)
    this.begin(executable, budget)
    const { cpu } = this
    try {
      return enter(executable)
    } catch (error) {
      throw this.named(error)
    } finally {
      cpu.depth = 0
      cpu.checked = true
      cpu.memory.refresh()
    }
  }

  /**
   * A way into one program for many runs: as `run`, but all of r0 that it gives is what it returns.
   * What belongs to the program is set when another one ran before it, not each time.
   */
  runner(program: ExecutableProgram, input: RunnerInput, budget: number = defaultBudget(program)): Runner {
    const executable = this.executable(program, budget !== 0)
    const host: RunnerHost = {
      ...input,
      cpu: this.cpu,
      arm: () => {
        this.assertIdle(program)
        this.begin(executable, budget)
      },
      named: (error) => this.named(error),
    }
    return createRunner(host, executable.enter, this.mayCopy)
  }

  private begin(executable: Executable, budget: number): void {
    const { cpu } = this
    this.budget.begin(budget)
    cpu.armed = undefined
    cpu.engine = this
    cpu.depth = 1
    this.current = executable
    this.caller = undefined
    if (budget !== 0) this.setWord(CPU_FUEL, this.budget.take())
  }

  /** Compiled code begins runs by itself: the budget is that of the run in progress after this. */
  private followRuns(): void {
    this.cpu.memory.refresh()
    const runs = this.word(CPU_RUNS)
    if (runs === this.runsSeen) return
    this.runsSeen = runs
    this.budget.restart()
    this.budget.take()
  }

  /** Throws ERR_USAGE if the CPU is in the middle of a run: then `program` cannot be started. */
  assertIdle(program: ExecutableProgram): void {
    const { depth, id } = this.cpu
    if (depth !== 0) throw new AnybpfError('ERR_USAGE', `${program.name}: cpu ${id} is running a program already`)
  }

  /** Instructions that the last run was charged for; NaN without a budget. */
  get charged(): number {
    this.followRuns()
    return this.budget.charged(this.fuel.value as number)
  }

  /** Compiles a program now, so that its first run does not have to. */
  prepare(program: ExecutableProgram, budget: number = defaultBudget(program)): ProgramModule {
    return this.executable(program, budget !== 0).compiled
  }

  /** See `Cpu.callFunction`. */
  callFunction(low: number, high: number, a1: number, a2: number, a3: number, a4: number, a5: number): number {
    const { cpu } = this
    const { program, slot } = this.codeEntry(low, high)
    const { exports } = this.executable(program).instance
    const { frameStride } = cpu
    const frame = this.word(CPU_FRAME)
    const limit = this.current!.guard ? cpu.frames : cpu.maxFrames
    if (frame >>> 0 >= cpu.frameTop(limit)) throw new FaultSignal('call_depth', `more than ${limit} nested calls`)
    const { caller, callSlot } = this
    this.setWord(CPU_FRAME, frame + frameStride)
    const { depth } = cpu
    cpu.depth = depth + 1
    try {
      const result = (exports[invokeName(slot)] as Invoke)(a1, a2, a3, a4, a5)
      cpu.registers[0] = result
      this.caller = caller
      this.callSlot = callSlot
      return result
    } catch (error) {
      // Named where it happens: the helper that called back may come from another program.
      throw this.named(error)
    } finally {
      cpu.memory.refresh()
      cpu.depth = depth
      this.setWord(CPU_FRAME, frame)
    }
  }

  private readonly removed = (program: ExecutableProgram): void => this.forget(program)

  /** Lets go of what was compiled of a program that is being removed. */
  forget(program: ExecutableProgram): void {
    for (const list of this.executables) {
      const executable = list[program.index]
      if (executable?.program !== program) continue
      list[program.index] = undefined
      const { id } = executable.compiled
      if (this.byId.get(id) === executable) this.byId.delete(id)
      if (this.caller === executable) this.caller = undefined
      if (this.current === executable) {
        this.current = undefined
        this.cpu.armed = undefined
      }
    }
    for (const list of this.executables) for (const executable of list) executable?.table?.forget(program)
  }

  dispose(): void {
    this.cpu.machine.onRemoval.delete(this.removed)
  }

  // --- compiling -----------------------------------------------------------------------------------------------------

  private executable(program: ExecutableProgram, budgeted = this.current!.budgeted): Executable {
    const list = this.executables[budgeted ? 1 : 0]
    const known = list[program.index]
    if (known?.program === program) return known
    const made = this.compile(program, budgeted)
    list[program.index] = made
    return made
  }

  private compile(program: ExecutableProgram, budgeted: boolean): Executable {
    const { cpu } = this
    const { memory } = cpu
    const guard = program.linked.verified !== true
    const id = this.nextId++
    const compiled = this.source(program, { cpu, block: this.block, budget: budgeted, guard, id })
    const imports: Record<string, WebAssembly.ImportValue> = {
      memory: memory.wasm as WebAssembly.Memory,
      fuel: this.fuel,
    }
    const executable: Executable = {
      program,
      compiled,
      guard,
      budgeted,
      table: undefined as never,
      instance: undefined as never,
      run: undefined as never,
      enter: undefined as never,
      repeat: undefined as never,
      batch: undefined as never,
    }
    Object.assign(imports, this.hostFunctions(executable))
    for (const helper of compiled.helpers) {
      imports[helperImport(helper)] = this.helperFunction(executable, cpu.machine.helpers.get(helper)!)
    }
    for (const called of compiled.runtime) imports[called] = memory.runtime[called] as WebAssembly.ImportValue
    Object.assign(imports, compiled.addresses)
    const instance = new WebAssembly.Instance(compiled.module as WebAssembly.Module, { bpf: imports })
    const { run, enter, repeat, batch } = instance.exports as unknown as Entries
    const { [TABLE_NAME]: places, [TAIL_CALLS_NAME]: known } = instance.exports
    const table =
      places === undefined ? undefined : new CodeTable(places as WebAssembly.Table, known as WebAssembly.Global)
    Object.assign(executable, { instance, table, run, enter, repeat, batch })
    this.byId.set(compiled.id, executable)
    return executable
  }

  private codeEntry(low: number, high: number): CodeEntry {
    const entry = high === FUNCTION_TAG ? this.cpu.machine.codeEntries.get(low >>> 0) : undefined
    if (entry === undefined) {
      throw new FaultSignal('bad_call', `${hex(pairToU64(low, high))} is not the address of a function`)
    }
    const { linked } = entry.program
    const { type, verified } = this.current!.program.linked
    if (!this.crossed && (linked.type !== type || linked.verified !== verified)) {
      this.crossed = true
      for (const list of this.executables) for (const executable of list) executable?.table?.forgetPrograms()
    }
    return entry
  }

  /** Where the table of a program has the function at an address. */
  private placeOf(caller: Executable, low: number, high: number): number {
    const { program, slot } = this.codeEntry(low, high)
    return caller.table!.functionPlace(low, () => this.executable(program).instance.exports[exportName(slot)]!)
  }

  // --- what compiled programs call -----------------------------------------------------------------------------------

  private hostFunctions(executable: Executable): Record<ImportName, (...args: number[]) => number | undefined> {
    const { cpu } = this
    const { registers } = cpu
    const { linked } = executable.program
    return {
      fault: (what, slot, low, high): never => {
        throw this.signal(executable, slot!, this.faultSignal(linked.insns[slot!]!, what!, low!, high!))
      },
      refuel: (fuel, slot) => {
        this.followRuns()
        const next = this.budget.refuel(fuel!)
        if (next !== undefined) return next
        this.fuel.value = fuel!
        throw this.signal(executable, slot!, new FaultSignal('budget', this.budget.exhausted))
      },
      resolve: (low, high, slot) => {
        this.enterHost(executable, slot!)
        return this.placeOf(executable, low!, high!)
      },
      tail_call: (r1, r2, r3, slot) => {
        this.enterHost(executable, slot!)
        return this.tailCall(executable, this.tailCallHelper()!.call(cpu, r1!, r2!, r3!, 0, 0))
      },
      call_helper: (id, a1, a2, a3, a4, a5, h1, h2, h3, h4, h5, slot) => {
        this.enterHost(executable, slot!)
        const helper = cpu.machine.helpers.get(id!)
        if (helper === undefined) throw missingHelper(id!)
        const highs = [h1!, h2!, h3!, h4!, h5!]
        for (let i = 0; i < highs.length; i++) registers[2 * i + 3] = highs[i]!
        registers[0] = registers[1] = 0
        const result = helper.call(cpu, a1!, a2!, a3!, a4!, a5!)
        cpu.memory.refresh()
        if (helper.spec.tailCall === true) {
          this.setWord(CPU_RESULT, -ENOENT)
          this.setWord(CPU_HIGH, -1)
          return this.tailCall(executable, result)
        }
        const { returns } = helper.spec
        if (returns === 'i32' || returns === 'u32') {
          this.setWord(CPU_RESULT, result)
          this.setWord(CPU_HIGH, returns === 'i32' ? result >> 31 : 0)
        } else {
          this.setWord(CPU_RESULT, registers[0]!)
          this.setWord(CPU_HIGH, registers[1]!)
        }
        return -1
      },
      load_packet: (offset, size, slot) => {
        this.enterHost(executable, slot!)
        const { context } = cpu
        if (!isPacketSource(context)) throw new FaultSignal('no_packet', 'the context of this program is no packet')
        const value = context.loadPacket(offset!, size!)
        this.setWord(CPU_HIGH, value < 0 ? 0 : 1)
        return Math.max(0, value) | 0
      },
    }
  }

  /** The import of one helper, with as many parameters as it takes: V8 calls such functions directly. */
  private helperFunction(executable: Executable, { spec, call }: HelperDefinition): (...args: number[]) => number {
    const { cpu } = this
    const { registers } = cpu
    const wide = wideArguments(spec)
    const result = (value: number): number => {
      if (spec.returns === 'i32' || spec.returns === 'u32') return value
      cpu.memory.refresh()
      this.setWord(CPU_HIGH, registers[1]!)
      return registers[0]!
    }
    if (wide.length === 0) {
      switch (spec.args.length) {
        case 0:
          return (slot) => {
            this.enterHost(executable, slot!)
            return result(call(cpu, 0, 0, 0, 0, 0))
          }
        case 1:
          return (r1, slot) => {
            this.enterHost(executable, slot!)
            return result(call(cpu, r1!, 0, 0, 0, 0))
          }
        case 2:
          return (r1, r2, slot) => {
            this.enterHost(executable, slot!)
            return result(call(cpu, r1!, r2!, 0, 0, 0))
          }
        case 3:
          return (r1, r2, r3, slot) => {
            this.enterHost(executable, slot!)
            return result(call(cpu, r1!, r2!, r3!, 0, 0))
          }
        case 4:
          return (r1, r2, r3, r4, slot) => {
            this.enterHost(executable, slot!)
            return result(call(cpu, r1!, r2!, r3!, r4!, 0))
          }
        default:
          return (r1, r2, r3, r4, r5, slot) => {
            this.enterHost(executable, slot!)
            return result(call(cpu, r1!, r2!, r3!, r4!, r5!))
          }
      }
    }
    const count = spec.args.length
    const args = new Int32Array(5)
    return (...values) => {
      this.enterHost(executable, values[count + wide.length]!)
      args.fill(0)
      for (let i = 0; i < count; i++) args[i] = values[i]!
      for (let i = 0; i < wide.length; i++) registers[2 * wide[i]! + 1] = values[count + i]!
      return result(call(cpu, args[0]!, args[1]!, args[2]!, args[3]!, args[4]!))
    }
  }

  /** Before anything that runs in JavaScript: where the call came from, and what it may have changed meanwhile. */
  private enterHost(executable: Executable, slot: number): void {
    const { cpu } = this
    this.caller = executable
    this.callSlot = slot
    cpu.memory.refresh()
    if (this.select !== undefined) this.select(this.word(CPU_RECORD) >>> 0)
    cpu.registers[0] = 0
    cpu.registers[1] = 0
    // Helpers test what an unverified program hands them against the frames that are live.
    cpu.checked = executable.guard
    cpu.depth = cpu.depthOf(this.word(CPU_FRAME))
  }

  private tailCallHelper(): HelperDefinition | undefined {
    for (const helper of this.cpu.machine.helpers.values()) if (helper.spec.tailCall === true) return helper
    return undefined
  }

  /** Where the program is that replaces the one of `caller`; -1 if there is none in the slot, or there were too many. */
  private tailCall(caller: Executable, index: number): number {
    const { machine } = this.cpu
    const found = index < 0 ? undefined : machine.programs[index]
    // A program of another type would take the context for what it is not.
    const entry = this.current!.program
    const program = found?.linked.type === entry.linked.type ? found : undefined
    if (program === undefined || this.word(CPU_TAIL_CALLS) >= machine.platform.limits.tailCalls) return -1
    if (entry.linked.verified === true && program.linked.verified !== true) {
      // The interpreter would check every access from here on.
      const reason = `a verified program calls ${program.name}, which nobody verified: only the interpreter can run that`
      throw new FaultSignal('bad_call', reason)
    }
    this.setWord(CPU_TAIL_CALLS, this.word(CPU_TAIL_CALLS) + 1)
    const code = this.executable(program).instance.exports[exportName(0)]!
    // What this run may do every run may, unless a run began with something else and came to the caller by an address.
    const always = !this.crossed && caller.program.linked.type === entry.linked.type
    const proper = caller.guard || program.linked.verified === true
    return always && proper ? caller.table!.setProgram(program, code) : caller.table!.setOnce(code)
  }

  // --- faults --------------------------------------------------------------------------------------------------------

  private word(offset: number): number {
    return this.cpu.memory.i32[(this.block + offset) >>> 2]!
  }

  private setWord(offset: number, value: number): void {
    this.cpu.memory.i32[(this.block + offset) >>> 2] = value
  }

  private signal({ program }: Executable, slot: number, { kind, reason, access }: FaultSignal): BpfFault {
    return createFault(kind, reason, program.linked, slot, access)
  }

  /** What compiled code notices itself. */
  private faultSignal(insn: Instruction, what: number, low: number, high: number): FaultSignal {
    switch (what) {
      case FAULT.badJump:
        return new FaultSignal('bad_jump', 'control leaves the program')
      case FAULT.badIndirectJump:
        return new FaultSignal('bad_jump', `${hex(pairToU64(low, high))} is no target of this jump`)
      case FAULT.callDepth:
        return new FaultSignal('call_depth', `more than ${this.cpu.frames} nested calls`)
      case FAULT.nullWrite:
        return accessFault(0, low >>> 0, accessSize(insn), true, undefined)
      default: {
        const isKfunc = insn.kind === 'call' && insn.target === 'kfunc'
        const number = insn.kind === 'call' ? insn.imm : low
        if (!isKfunc) return missingHelper(number)
        return new FaultSignal('unknown_helper', `there is no kernel function ${number} here`)
      }
    }
  }

  /** What a run ends with, as the interpreter would name it. */
  private named(error: unknown): unknown {
    const { caller } = this
    if (error instanceof AnybpfError && error.code === 'ERR_FAULT' && !(error instanceof BpfFault))
      return this.helperFault(error)
    if (error instanceof FaultSignal && caller !== undefined) return this.signal(caller, this.callSlot, error)
    if (error instanceof WebAssembly.RuntimeError) return this.trap(error)
    if (error instanceof RangeError && /call stack/i.test(error.message)) {
      const { linked } = this.current!.program
      return createFault('call_depth', `more than ${this.cpu.frames} nested calls`, linked, 0, undefined, error)
    }
    return error
  }

  /** What a helper found wrong, or the guest runtime, which compiled code calls without saying where it is. */
  private helperFault(error: AnybpfError): unknown {
    const place = trapPlace(error)
    const found = this.byId.get(place?.module ?? -1)
    const executable = found ?? this.caller
    if (executable === undefined) return error
    const slot = (place === undefined ? undefined : found?.compiled.slotAt(place.offset)) ?? this.callSlot
    return createFault('helper', error.message, executable.program.linked, slot, undefined, error)
  }

  /** A trap of compiled code: engines tell where in the module, which tells the instruction. */
  private trap(error: WebAssembly.RuntimeError): BpfFault {
    const place = trapPlace(error)
    const executable = this.byId.get(place?.module ?? -1) ?? this.current!
    const { linked } = executable.program
    const slot = place === undefined ? undefined : executable.compiled.slotAt(place.offset)
    const insn = linked.insns[slot ?? -1]
    const isAtomic = insn?.kind === 'atomic' || insn?.kind === 'load_acquire' || insn?.kind === 'store_release'
    if (isAtomic && /align/i.test(error.message)) {
      const reason = `atomic access to ${accessSize(insn)} bytes at an address that is not a multiple of it`
      return createFault('misaligned_atomic', reason, linked, slot!, undefined, error)
    }
    const isGuarded = executable.guard && insn !== undefined && writes(insn)
    const where = isGuarded ? 'to page zero, or where nothing is' : 'where nothing is'
    const what = insn === undefined ? error.message : `${accessName(insn)}, ${where}`
    return createFault('out_of_bounds', what, linked, slot ?? 0, undefined, error)
  }
}

/** The innermost frame of compiled code in a stack trace: `…anybpf-7…:wasm-function[3]:0x1a2`. */
function trapPlace({ stack = '', message }: Error): { module: number; offset: number } | undefined {
  // V8's stack begins with the message, and that can name what somebody else has named.
  const frames = stack.replace(message, '')
  const match = /anybpf-(\d+)\S*?:wasm-function\[\d+\]:0x([0-9a-f]+)/.exec(frames)
  return match === null ? undefined : { module: Number(match[1]), offset: Number.parseInt(match[2]!, 16) }
}

function accessSize(insn: Instruction): number {
  return 'size' in insn ? insn.size : 0
}

function writes({ kind }: Instruction): boolean {
  return kind === 'store' || kind === 'atomic' || kind === 'store_release'
}

function accessName(insn: Instruction): string {
  if (insn.kind === 'call' || insn.kind === 'callx') return 'a call that reads or writes'
  const size = accessSize(insn)
  return `${writes(insn) ? 'write' : 'read'} of ${size} byte${size === 1 ? '' : 's'}`
}

function defaultBudget({ linked }: ExecutableProgram): number {
  return linked.verified === true ? 0 : DEFAULT_BUDGET
}

function wideArguments({ args }: HelperSpec): number[] {
  return args.flatMap((width, i) => (width === 64 ? [i + 1] : []))
}
