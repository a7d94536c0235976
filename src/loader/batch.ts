/**
 * Many runs of one program: inputs that lie in linear memory, and what the runs left.
 * @module
 */
/// <reference lib="esnext.disposable" preserve="true" />
import type { ContextBatch } from '../programs/batch.ts'
import { verdictOf } from '../programs/input.ts'
import type { ProgramTypeSpec } from '../spec/types.ts'
import { AnybpfError } from '../util/index.ts'
import { COUNT, checkOptions, FUNCTION, type OptionTable } from '../util/options.ts'
import { BpfFault } from '../vm/fault.ts'
import type { RunResult } from './program.ts'

export interface BatchOptions {
  /** Instructions that each run may take; see `RunOptions`. */
  readonly budget?: number
  /**
   * Called with the number of an input before a helper in JavaScript does anything for its run, once or several times: for a clock
   * that goes on from packet to packet.
   */
  readonly onHelper?: (index: number) => void
}

const BATCH_OPTIONS: OptionTable<BatchOptions> = { budget: COUNT, onHelper: FUNCTION }
const NO_OPTIONS: BatchOptions = {}

/** What names the return values of runs that have this output. */
export type VerdictOf<Output> = Output extends { readonly verdict: infer Verdict } ? Verdict : string | number

/** How a program runs the inputs of a batch; it is the program's affair, and the engine's. */
export interface BatchRunner<Input, Output> {
  /** Names of return values. */
  readonly verdicts: ProgramTypeSpec['verdicts']
  /** Runs the inputs that lie in linear memory. Gives how many there were, and what the one after these failed with. */
  runRecords(batch: ContextBatch<Input, Output>, options: BatchOptions): { readonly completed: number; error?: unknown }
  /** Throws ERR_USAGE while the CPU runs a program: the helper that asks may belong to a run of this batch. */
  assertIdle(): void
  /** Runs one input by itself. */
  run(input: Input, options: BatchOptions): RunResult<Output>
  forget(batch: Batch<Input, Output>): void
}

/**
 * Inputs of a program, laid out once, to be run any number of times. Each run is given its context anew; the bytes of a packet
 * are as the last run left them.
 */
export class Batch<Input = unknown, Output = unknown> {
  private readonly runner: BatchRunner<Input, Output>
  /** Undefined: inputs are run one by one, by the interpreter or for a program type that knows no batches. */
  private records: ContextBatch<Input, Output> | undefined
  /** Of type `Input`: not said, so that a batch of packets can stand for one of anything that programs take. */
  private inputs: readonly unknown[] = []
  /** If the runs were done one by one, or linear memory has them no more. */
  private results: RunResult<Output>[] = []
  private done = 0
  /** Inputs are run one by one now: between two of them the CPU is idle. */
  private running = false
  private replaced = false
  private disposed = false

  constructor(runner: BatchRunner<Input, Output>, records: ContextBatch<Input, Output> | undefined) {
    this.runner = runner
    this.records = records
  }

  /** Inputs. */
  get length(): number {
    return this.inputs.length
  }

  /** Inputs whose runs have come to their end: fewer than `length` if one of them failed. */
  get completed(): number {
    return this.done
  }

  /**
   * Replaces the inputs, and forgets what the runs of those before left. Throws ERR_USAGE or ERR_PACKET for one that the program type cannot take, ERR_USAGE in the middle of a
   * run.
   */
  fill(inputs: readonly Input[]): this {
    this.assertRunnable()
    this.done = 0
    this.inputs = []
    this.records?.fill(inputs)
    this.inputs = inputs
    return this
  }

  /**
   * Runs the program on every input, in order. A `BpfFault` ends the batch: it is thrown, its `details.input` (and `completed`) is the
   * number of the input, and what the runs before it left can be asked for. Throws ERR_USAGE in the middle of a run.
   */
  run(options: BatchOptions = NO_OPTIONS): this {
    this.assertRunnable()
    if (options !== NO_OPTIONS) checkOptions('a batch', options, BATCH_OPTIONS)
    this.done = 0
    if (this.inputs.length === 0) return this
    if (this.records === undefined) {
      this.runOneByOne(options)
      return this
    }
    const { completed, error } = this.runner.runRecords(this.records, options)
    this.done = completed
    if (error !== undefined) throw this.named(error)
    return this
  }

  private runOneByOne(options: BatchOptions): void {
    this.results = []
    this.running = true
    try {
      for (const input of this.inputs) {
        options.onHelper?.(this.done)
        this.results.push(this.runner.run(input as Input, options))
        this.done++
      }
    } catch (error) {
      throw this.named(error)
    } finally {
      this.running = false
    }
  }

  /** A fault, with the number of its input. */
  private named(error: unknown): unknown {
    return error instanceof BpfFault ? new BpfFault(error.reason, { ...error.details, input: this.done }, error) : error
  }

  /**
   * For {@link Program.runBatch}: a batch that takes this one's place in linear memory. This one keeps copies of its results, and
   * cannot be run again. Throws ERR_USAGE in the middle of a run.
   */
  replace(): Batch<Input, Output> {
    this.assertRunnable()
    this.results = [...this]
    const next = new Batch<Input, Output>(this.runner, this.records)
    this.records = undefined
    this.replaced = true
    return next
  }

  /** The name of a run's return value (`XDP_DROP`), or the number, signed, where it has none. */
  verdict(index: number): VerdictOf<Output> {
    return verdictOf(this.runner.verdicts, this.retval(index)) as VerdictOf<Output>
  }

  /** The low 32 bits of r0 of the run of an input, unsigned. */
  retval(index: number): number {
    this.assertCompleted(index)
    return this.records === undefined ? this.results[index]!.retval : this.records.records.result(index)
  }

  /** Those of all runs that have come to their end; a copy. */
  get retvals(): Uint32Array {
    return Uint32Array.from({ length: this.done }, (_, index) => this.retval(index))
  }

  /** Bytes of the packet, or memory, that a run left. */
  lengthLeft(index: number): number {
    this.assertCompleted(index)
    if (this.records !== undefined) return this.records.lengthLeft(index)
    const { packet, memory } = this.results[index] as { packet?: Uint8Array; memory?: Uint8Array }
    return (packet ?? memory)?.length ?? 0
  }

  /**
   * Whether a run asked for its packet to be sent somewhere, and returned the verdict with which that is done (`XDP_REDIRECT`,
   * `TC_ACT_REDIRECT`): then `result` has a `redirect`, which says where.
   */
  askedForRedirect(index: number): boolean {
    this.assertCompleted(index)
    if (this.records !== undefined) return this.records.askedForRedirect(index, this.retval(index))
    return (this.results[index] as { redirect?: unknown }).redirect !== undefined
  }

  /** What a run left: what `Program.run` gives, a copy. */
  result(index: number): RunResult<Output> {
    this.assertCompleted(index)
    if (this.records === undefined) return this.results[index]!
    const retval = this.records.records.result(index)
    return Object.assign(this.records.collect(index, retval) as Output & object, { retval })
  }

  /** The results, in order. */
  *[Symbol.iterator](): Generator<RunResult<Output>> {
    for (let index = 0; index < this.done; index++) yield this.result(index)
  }

  private assertCompleted(index: number): void {
    this.assertLive()
    if (Number.isInteger(index) && index >= 0 && index < this.done) return
    throw new AnybpfError(
      'ERR_NOT_FOUND',
      `run ${index} of a batch: ${this.done} of ${this.length} have been completed`,
    )
  }

  private assertIdle(): void {
    if (this.running) throw new AnybpfError('ERR_USAGE', 'the batch is running a program already')
    this.runner.assertIdle()
  }

  private assertRunnable(): void {
    this.assertLive()
    if (this.replaced) {
      const why = 'runBatch(array) was called again, and this batch holds results only'
      throw new AnybpfError('ERR_USAGE', `${why}: make one that can be run again with program.batch(inputs)`)
    }
    this.assertIdle()
  }

  private assertLive(): void {
    if (this.disposed) throw new AnybpfError('ERR_DISPOSED', 'the batch was disposed of')
  }

  /** Gives the memory back; the program does it otherwise. Throws ERR_USAGE in the middle of a run. */
  dispose(): void {
    if (this.disposed) return
    if (this.replaced) {
      this.disposed = true
      return
    }
    // One without inputs is in no run: what could not be filled can always be given up.
    if (this.inputs.length > 0) this.assertIdle()
    this.disposed = true
    this.records?.dispose()
    this.runner.forget(this)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
