/**
 * What a program can learn of the world besides its context: time, randomness, who runs. Injected, so that a run can be
 * repeated exactly; nothing in the library reads a clock or a random source by itself.
 * @module
 */
import { SeededRandom } from '../util/random.ts'

/** The task on whose behalf a program runs. */
export interface CurrentTask {
  /** Thread id (the kernel's `pid`). */
  readonly pid: number
  /** Process id (the kernel's `tgid`). */
  readonly tgid: number
  readonly uid: number
  readonly gid: number
  /** At most 15 bytes. */
  readonly comm: string
}

export interface Environment {
  /** Nanoseconds since boot, without suspension (CLOCK_MONOTONIC). */
  monotonicNs(): bigint
  /** An unsigned 32-bit random number. */
  randomU32(): number
  readonly task: CurrentTask
}

export interface VirtualEnvironmentOptions {
  /** Start of the clock, nanoseconds; default one second. */
  readonly startNs?: bigint
  /** What every reading of the clock adds, nanoseconds; default 0: time stands still unless it is set. */
  readonly tickNs?: bigint
  /** Default 1. */
  readonly seed?: number
  readonly task?: Partial<CurrentTask>
}

const DEFAULT_TASK: CurrentTask = { pid: 1, tgid: 1, uid: 0, gid: 0, comm: 'anybpf' }

/** The default environment: a clock that moves only when it is told to, and randomness from a seed. */
export class VirtualEnvironment implements Environment {
  nowNs: bigint
  task: CurrentTask
  private readonly tickNs: bigint
  private readonly random: SeededRandom

  constructor(options: VirtualEnvironmentOptions = {}) {
    this.nowNs = options.startNs ?? 1_000_000_000n
    this.tickNs = options.tickNs ?? 0n
    this.random = new SeededRandom(options.seed ?? 1)
    this.task = { ...DEFAULT_TASK, ...options.task }
  }

  monotonicNs(): bigint {
    const now = this.nowNs
    this.nowNs += this.tickNs
    return now
  }

  randomU32(): number {
    return this.random.u32()
  }
}
