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
import { AnybpfError } from '../../util/errors.ts'
import { FaultSignal } from '../fault-signal.ts'
import type { GuestAddress } from '../guest-memory.ts'
import { Budget, DEFAULT_BUDGET } from '../limits.ts'
import type { ExecutableProgram } from '../machine.ts'
import type { VirtualCpu } from '../virtual-cpu.ts'
import { CodeTable } from './code-table.ts'
import { CPU_FRAME, CPU_FUEL, CPU_HIGH, CPU_RECORD, CPU_RUNS, CpuBlock } from './cpu-block.ts'
import type { Entries } from './entries.ts'
import type { Executable } from './executable.ts'
import { namedFault } from './faults.ts'
import { HostFunctions } from './host-functions.ts'
import { helperImport } from './imports.ts'
import { invokeName, type ModuleSource, type ProgramModule, TABLE_NAME, TAIL_CALLS_NAME } from './module-source.ts'
import { createRunner, type Runner, type RunnerHost, type RunnerInput } from './runner.ts'

/** Runs that one call of compiled code is asked for. */
const MAX_REPEATS = 2 ** 30

/** See `invokeName`. */
type Invoke = (a1: number, a2: number, a3: number, a4: number, a5: number) => number

export interface JitRunOptions {
  /** Instructions that the run may take; 0: no bound. Default: no bound for a program that was verified, else 100 million. */
  readonly budget?: number
}

export class Jit {
  readonly cpu: VirtualCpu
  private readonly source: ModuleSource
  private readonly block: CpuBlock
  private readonly fuel = new WebAssembly.Global({ value: 'i32', mutable: true }, 0)
  private readonly budget = new Budget()
  /** By index of the program; without a budget, and with one. */
  private readonly executables: [(Executable | undefined)[], (Executable | undefined)[]] = [[], []]
  /** Modules have their number in their name, for stack traces. */
  private readonly byId = new Map<number, Executable>()
  private nextId = 0
  private current: Executable | undefined
  /** Of the run that `budget` is about. */
  private runsSeen = 0
  private readonly host: HostFunctions
  private readonly mayCopy: boolean

  /** `source`: see {@link justInTime}. `mayCopy`: whether the place allows text to become code, see `runner.ts`. */
  constructor(cpu: VirtualCpu, source: ModuleSource, mayCopy = true) {
    this.cpu = cpu
    this.mayCopy = mayCopy
    this.source = source
    this.block = new CpuBlock(cpu)
    const jit = this
    this.host = new HostFunctions({
      cpu,
      block: this.block,
      get current() {
        return jit.current
      },
      executable: (program) => this.executable(program),
      refuel: (fuel) => this.refuel(fuel),
      forgetTailCalls: () => {
        for (const list of this.executables) for (const executable of list) executable?.table?.forgetPrograms()
      },
    })
    cpu.machine.onRemoval.add(this.removed)
  }

  /** Runs a program as {@link Interpreter.run} does: the low 32 bits of r0, unsigned; all 64 are in `cpu.registers`. */
  run(program: ExecutableProgram, r1: GuestAddress, r2: number, options: JitRunOptions = {}): number {
    return this.inside(program, options, (executable) => {
      const { cpu } = this
      const low = executable.run(r1, r2)
      cpu.memory.refresh()
      cpu.registers[0] = low
      cpu.registers[1] = this.block.word(CPU_HIGH)
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
    this.host.select = select
    this.cpu.memory.refresh()
    this.block.setWord(CPU_RECORD, first)
    try {
      this.inside(program, options, (executable) => executable.batch(first, count))
    } finally {
      this.host.select = undefined
      this.cpu.memory.refresh()
    }
  }

  /** The record of a batch that was run last. */
  get record(): GuestAddress {
    return this.block.word(CPU_RECORD) >>> 0
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
        input.assertLive()
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
    this.host.caller = undefined
    if (budget !== 0) this.block.setWord(CPU_FUEL, this.budget.take())
  }

  /** Compiled code begins runs by itself: the budget is that of the run in progress after this. */
  private followRuns(): void {
    this.cpu.memory.refresh()
    const runs = this.block.word(CPU_RUNS)
    if (runs === this.runsSeen) return
    this.runsSeen = runs
    this.budget.restart()
    this.budget.take()
  }

  /** See `HostEngine.refuel`. */
  private refuel(fuel: number): number | FaultSignal {
    this.followRuns()
    const next = this.budget.refuel(fuel)
    if (next !== undefined) return next
    this.fuel.value = fuel
    return new FaultSignal('budget', this.budget.exhausted)
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
    const { program, slot } = this.host.codeEntry(low, high)
    const { exports } = this.executable(program).instance
    const { frameStride } = cpu
    const frame = this.block.word(CPU_FRAME)
    const limit = this.current!.guard ? cpu.frames : cpu.maxFrames
    if (frame >>> 0 >= cpu.frameTop(limit)) throw new FaultSignal('call_depth', `more than ${limit} nested calls`)
    const { caller, callSlot } = this.host
    this.block.setWord(CPU_FRAME, frame + frameStride)
    const { depth } = cpu
    cpu.depth = depth + 1
    try {
      const result = (exports[invokeName(slot)] as Invoke)(a1, a2, a3, a4, a5)
      cpu.registers[0] = result
      this.host.caller = caller
      this.host.callSlot = callSlot
      return result
    } catch (error) {
      // Named where it happens: the helper that called back may come from another program.
      throw this.named(error)
    } finally {
      cpu.memory.refresh()
      cpu.depth = depth
      this.block.setWord(CPU_FRAME, frame)
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
      if (this.host.caller === executable) this.host.caller = undefined
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
    const compiled = this.source(program, { cpu, block: this.block.address, budget: budgeted, guard, id })
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
    Object.assign(imports, this.host.of(executable))
    for (const helper of compiled.helpers) {
      imports[helperImport(helper)] = this.host.helper(executable, cpu.machine.helpers.get(helper)!)
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

  // --- faults --------------------------------------------------------------------------------------------------------

  /** What a run ends with, as the interpreter would name it. */
  private named(error: unknown): unknown {
    const { byId, current, cpu } = this
    const { caller, callSlot } = this.host
    return namedFault(error, { byId, current, caller, callSlot, frames: cpu.frames })
  }
}

function defaultBudget({ linked }: ExecutableProgram): number {
  return linked.verified === true ? 0 : DEFAULT_BUDGET
}
