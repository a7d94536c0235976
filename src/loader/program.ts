/**
 * A loaded program: what `run` is called on.
 * @module
 */
/// <reference lib="esnext.disposable" preserve="true" />
import type { ContextBatch } from '../programs/batch.ts'
import type { ContextInstance, EntryArguments } from '../programs/definition.ts'
import { AnybpfError } from '../util/index.ts'
import { BOOLEAN, COUNT, checkOptions, FUNCTION, OBJECT, type OptionTable, oneOf } from '../util/options.ts'
import type { Report } from '../verifier/index.ts'
import type { BaseMachine, ExecutableProgram, GuestAddress, Interpreter, Jit, Runner, RunOptions } from '../vm/index.ts'
import { Batch, type BatchOptions } from './batch.ts'
import type { AnyRunnableProgramType } from './definitions.ts'

/**
 * The JIT compiles a program to WebAssembly. It checks no memory access: that is for programs that were verified, or are trusted. One
 * that nobody verified (`verify: false` with `engine: 'jit'`) may overwrite all of the runtime's memory, maps and packets included, though
 * nothing outside of it, and its wrong results come without a fault.
 */
export type Engine = 'interpreter' | 'jit'

/** How programs run unless a run says otherwise. */
export interface EngineOptions {
  /**
   * Default: the JIT for what the verifier accepted, unless `checked` is given; else the interpreter. `jit` is never checked: named for
   * a program that nobody verified, it trusts it.
   */
  readonly engine: Engine
  /**
   * Test every access while the program runs, which only the interpreter does. Default: unless the verifier accepted the program.
   * `false` names the unchecked interpreter, whatever was verified: such a program may overwrite all of the runtime's memory, maps and
   * packets included, though nothing outside of it.
   */
  readonly checked: boolean
  /** Instructions a run may take; undefined: the engine's default; 0: no bound. */
  readonly budget: number | undefined
  /** What the verifier said; undefined: it was not asked. */
  readonly report?: Report | undefined
}

/** What the options of `EngineOptions` may be. */
export const ENGINE_OPTIONS: OptionTable<EngineOptions> = {
  engine: oneOf('interpreter', 'jit'),
  checked: BOOLEAN,
  budget: COUNT,
  report: OBJECT,
}

const RUN_OPTIONS: OptionTable<RunOptions> = { budget: COUNT, checked: BOOLEAN, trace: FUNCTION }
const NO_OPTIONS: RunOptions = {}

/**
 * The options that a caller gave, with the defaults: a program that the verifier accepted is compiled, any other is interpreted,
 * with every access checked.
 */
export function engineOptions(options: Partial<EngineOptions>, given = options.report): EngineOptions {
  const report = given?.verdict === 'accept' ? given : undefined
  const { engine = report !== undefined && options.checked === undefined ? 'jit' : 'interpreter', budget } = options
  if (engine === 'jit' && options.checked === true) {
    throw new AnybpfError('ERR_USAGE', 'only the interpreter checks every access: engine jit cannot')
  }
  const checked = options.checked ?? report === undefined
  return { engine, checked, budget, report }
}

/** What every run tells, whatever the program type adds to it. */
export interface RunBase {
  /** The low 32 bits of r0, unsigned: what the kernel's test run calls `retval`. */
  readonly retval: number
}

export type RunResult<Output> = RunBase & Output

/** What a program needs of its runtime. */
export interface ProgramHost {
  readonly machine: BaseMachine
  readonly interpreter: Pick<Interpreter, 'cpu' | 'assertIdle' | 'run'>
  /** Made when it is first asked for. */
  readonly jit: Jit
  /** What was disposed of on its own need not be held until the runtime is. */
  forget(thing: Disposable): void
}

/** What a runtime disposes of when it is disposed of. */
export interface Disposable {
  dispose(): void
}

/**
 * A program that is ready to run. `Input` and `Output` are its program type's: for xdp, sched_cls and socket_filter a packet
 * in, and a verdict and a packet out.
 */
export class Program<Input = unknown, Output = unknown> {
  readonly name: string
  /** `xdp`, `sched_cls` … */
  readonly type: string
  readonly executable: ExecutableProgram
  /** What the verifier said of it; undefined if it was not asked. */
  readonly report: Report | undefined
  private readonly host: ProgramHost
  private readonly definition: AnyRunnableProgramType
  private readonly instance: ContextInstance<Input, Output>
  private readonly engine: EngineOptions
  /**
   * Runs the program on a context that is in place: `address`, which `layOut` gave, is r1. The lowest way in: what a run changes,
   * the next one sees. Gives the low 32 bits of r0, unsigned. That the address is the right one is the caller's affair.
   *
   * A function of each program's own, no method: where one program is called, V8 then sees which.
   */
  readonly runAt: Runner
  /** The entry's arguments of the run before; r1 is undefined before there was an input. */
  private readonly entry: { r1: GuestAddress | undefined; r2: number } = { r1: undefined, r2: 0 }
  private readonly batches = new Set<Disposable>()
  private ownBatch: Batch<Input, Output> | undefined
  private disposed = false

  constructor(
    host: ProgramHost,
    definition: AnyRunnableProgramType,
    executable: ExecutableProgram,
    engine: EngineOptions,
  ) {
    this.name = executable.name
    this.type = definition.spec.name
    this.executable = executable
    this.host = host
    this.definition = definition
    this.engine = engine
    this.report = engine.report
    // What cannot be compiled is found when loading.
    if (engine.engine === 'jit') host.jit.prepare(executable, engine.budget)
    this.instance = definition.createContext(host.machine)
    const refuse = (): never => {
      this.assertLive()
      throw this.usage('runAt wants the address that layOut(input) gave')
    }
    this.runAt =
      engine.engine === 'jit'
        ? host.jit.runner(
            executable,
            { context: this.instance.context, entry: this.entry, refuse, assertLive: () => this.assertLive() },
            engine.budget,
          )
        : (address) =>
            address === undefined || this.disposed ? refuse() : this.enter(address, this.entry.r2, NO_OPTIONS)
  }

  /**
   * Lays the input out, runs the program once, and reads what it left: copies, which later runs do not change. Throws `BpfFault` for what the program does wrong (its code is ERR_FAULT, or ERR_BUDGET), and
   * ERR_USAGE for an input that its program type cannot take.
   */
  run(input: Input, options: RunOptions = NO_OPTIONS): RunResult<Output> {
    const retval = this.invoke(input, options)
    // Not a spread: what a program type gives back may be decoded when it is asked for, by getters of its class.
    return Object.assign(this.instance.collect(retval) as Output & object, { retval })
  }

  /** Lays an input out, as `run` does first, for `runAt`: the address of the context. It is good until the next input. */
  layOut(input: Input): GuestAddress {
    this.assertLive()
    return this.prepare(input).r1
  }

  /**
   * Runs the program on many inputs: with the JIT they are laid out in linear memory, and compiled code goes from one to the next by
   * itself. Gives the batch, which holds what the runs left.
   *
   * A batch that `batch` made stays where it is: nothing is laid out or copied when it is run, and it can be run again. An array is laid out
   * in a new batch. When the next array takes its place in memory, its results are copied first: they stay good as long as somebody has it.
   */
  runBatch(inputs: readonly Input[] | Batch<Input, Output>, options: BatchOptions = {}): Batch<Input, Output> {
    if (inputs instanceof Batch) {
      if (!this.batches.has(inputs)) {
        throw new AnybpfError('ERR_USAGE', `${this.name}: the batch is another program's, or cannot be run any more`)
      }
      return inputs.run(options)
    }
    if (!Array.isArray(inputs)) throw this.usage('runBatch wants an array of inputs, or a batch')
    this.assertLive()
    const before = this.ownBatch
    if (before !== undefined && this.batches.has(before)) {
      this.ownBatch = before.replace()
      this.batches.delete(before)
      this.batches.add(this.ownBatch)
    } else this.ownBatch = this.batch()
    return this.ownBatch.fill(inputs).run(options)
  }

  /** A batch of inputs, to be filled, run and read by its own methods. */
  batch(inputs: readonly Input[] = []): Batch<Input, Output> {
    this.assertLive()
    const { host } = this
    const instance: ContextInstance<Input, Output> | undefined =
      this.engine.engine === 'jit' ? this.definition.createContext(host.machine) : undefined
    const batch: Batch<Input, Output> = new Batch<Input, Output>(
      {
        verdicts: this.definition.spec.verdicts,
        runRecords: (records, options) => this.runRecords(records, instance!.context, options),
        assertIdle: () => this.host.interpreter.assertIdle(this.executable),
        run: (input, { budget }) => this.run(input, budget === undefined ? {} : { budget }),
        forget: (gone) => {
          instance?.dispose()
          this.batches.delete(gone)
        },
      },
      instance?.createBatch?.(),
    )
    this.batches.add(batch)
    try {
      return batch.fill(inputs)
    } catch (error) {
      batch.dispose()
      throw error
    }
  }

  private runRecords(
    batch: ContextBatch<Input, Output>,
    context: unknown,
    { budget = this.engine.budget, onHelper }: BatchOptions,
  ): { readonly completed: number; error?: unknown } {
    const { jit, interpreter } = this.host
    const { cpu } = interpreter
    const { records } = batch
    const select = (record: GuestAddress): void => {
      batch.select(record)
      onHelper?.(records.indexOf(record))
    }
    const before = cpu.context
    jit.assertIdle(this.executable)
    batch.begin()
    try {
      cpu.context = context
      jit.batch(this.executable, records.at(0), records.count, select, budget === undefined ? {} : { budget })
      return { completed: records.count }
    } catch (error) {
      return { completed: records.indexOf(jit.record), error }
    } finally {
      cpu.context = before
      batch.end()
    }
  }

  /** As `run`, but reads nothing back: the return value alone. For measuring. */
  invoke(input: Input, options: RunOptions = NO_OPTIONS): number {
    this.assertLive()
    const { r1, r2 } = this.prepare(input)
    return this.enter(r1, r2, options)
  }

  /**
   * Runs the program `count` times on one input, which is laid out once: what a run changes in packet or context, the next
   * one sees, as in the kernel's test run. Returns the last return value.
   */
  repeat(input: Input, count: number, options: RunOptions = NO_OPTIONS): number {
    this.assertLive()
    this.prepare(input)
    return this.again(count, options)
  }

  /** Runs the program `count` more times on what the run before left: `repeat` in several rounds. ERR_USAGE before any run. */
  again(count: number, options: RunOptions = NO_OPTIONS): number {
    this.assertLive()
    if (!Number.isSafeInteger(count) || count < 0)
      throw this.usage(`${count} is no number of runs: a whole number from 0 on`)
    const { r1, r2 } = this.entry
    if (r1 === undefined) {
      throw this.usage('again goes on from a run, and there was none: begin with repeat(input, count)')
    }
    return count > 0 ? this.enter(r1, r2, options, count) : 0
  }

  /** What the last run left, read as `run` reads it. */
  collect(retval: number): Output {
    return this.instance.collect(retval)
  }

  private prepare(input: Input): EntryArguments {
    // A run that is asked for in the middle of one must not lay its input over that of the run in progress.
    this.host.interpreter.assertIdle(this.executable)
    const entry = this.instance.prepare(input)
    this.entry.r1 = entry.r1
    this.entry.r2 = entry.r2
    return entry
  }

  /** Runs the program `count` times, at least once: the last result. */
  private enter(r1: number, r2: number, options: RunOptions, count = 1): number {
    if (options !== NO_OPTIONS) checkOptions(this.name, options, RUN_OPTIONS)
    const { cpu } = this.host.interpreter
    const before = cpu.context
    cpu.context = this.instance.context
    const budget = options.budget ?? this.engine.budget
    try {
      // Only the interpreter tests accesses, or tells of each instruction.
      if (this.engine.engine === 'jit' && options.checked !== true && options.trace === undefined) {
        return this.host.jit.repeat(this.executable, r1, r2, count, budget === undefined ? {} : { budget })
      }
      const settled = {
        checked: options.checked ?? this.engine.checked,
        ...(budget !== undefined && { budget }),
        ...(options.trace !== undefined && { trace: options.trace }),
      }
      let retval = 0
      for (let i = 0; i < count; i++) retval = this.host.interpreter.run(this.executable, r1, r2, settled)
      return retval
    } finally {
      cpu.context = before
    }
  }

  private usage(message: string): AnybpfError {
    return new AnybpfError('ERR_USAGE', `${this.name}: ${message}`)
  }

  private assertLive(): void {
    if (this.disposed) throw new AnybpfError('ERR_DISPOSED', `program ${this.name} was disposed of`)
  }

  /** Throws ERR_USAGE in the middle of a run. */
  dispose(): void {
    if (this.disposed) return
    this.host.interpreter.assertIdle(this.executable)
    this.disposed = true
    ;(this as { runAt: Runner }).runAt = () => this.assertLive() as never
    for (const batch of this.batches) batch.dispose()
    this.instance.dispose()
    if (this.engine.engine === 'jit') this.host.jit.forget(this.executable)
    this.host.machine.removeProgram(this.executable)
    this.host.forget(this)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** What Node's console shows of it. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `Program ${this.name} (${this.type})`
  }
}
