/**
 * Limits that every engine holds in the same way.
 * @module
 */
import { AnybpfError } from '../util/index.ts'

/** The budget of a run that names none: for programs that nobody has verified, about a second of the interpreter. */
export const DEFAULT_BUDGET = 100_000_000

/** How often a function's `may_goto` falls through (Linux: BPF_MAX_LOOPS). */
export const MAY_GOTO_LIMIT = 8 * 1024 * 1024

/** How often `bpf_loop` calls a function at most (Linux: BPF_MAX_LOOPS). */
export const LOOPS_MAX: number = 8 * 1024 * 1024

/** The budget is counted down in portions that are small integers. */
const FUEL_PORTION = 2 ** 30 - 1

/** Instructions that a run may take. Engines keep what is left of the current portion; what is left besides is here. */
export class Budget {
  private total = 0
  private reserve = 0

  /** Begins a run; 0 is no bound. Throws ERR_USAGE for what is no budget. */
  begin(budget: number): void {
    if (!Number.isInteger(budget) || budget < 0) {
      throw new AnybpfError('ERR_USAGE', `${budget} is no budget of instructions`)
    }
    this.total = budget === 0 ? Infinity : budget
    this.reserve = this.total
  }

  /** Begins anew with the budget of the run before. */
  restart(): void {
    this.reserve = this.total
  }

  /** The next portion; 0 if nothing is left. */
  take(): number {
    const portion = Math.min(this.reserve, FUEL_PORTION)
    this.reserve -= portion
    return portion
  }

  /** The next portion, less what the last one fell short by (`fuel`, negative); undefined: there is none. */
  refuel(fuel: number): number | undefined {
    if (fuel + this.reserve < 0) return undefined
    let next = fuel
    while (next < 0) next += this.take()
    return next
  }

  /** What was charged when `fuel` is left of the portion; NaN without a bound. */
  charged(fuel: number): number {
    return this.total === Infinity ? Number.NaN : this.total - this.reserve - fuel
  }

  get exhausted(): string {
    return `the budget of ${this.total} instructions is used up`
  }
}
