/**
 * A function, reached by one chain of calls: what stack liveness and loop detection know differs from chain to chain.
 * The chains form a tree that is never deeper than the stack of frames.
 * @module
 */
import type { State } from '../state.ts'
import type { LoopVisit } from './loops.ts'

export class FunctionInstance {
  /** The chain without its last call; undefined for what is verified at the root. */
  readonly outer: FunctionInstance | undefined
  /** Slot of the last call. */
  readonly callsite: number
  readonly subprogno: number
  /** Number of its frame. */
  readonly depth: number
  /** First slot of the function, and number of slots. */
  readonly start: number
  readonly size: number
  private readonly inner = new Map<number, FunctionInstance>()

  /** Loops that were entered, by strongly connected component. */
  visits: Map<number, LoopVisit> | undefined = undefined

  // Stack liveness. See there for what the masks mean.
  /** By frame (its own and those of its callers), `MASK_WORDS` words per slot of the function. */
  readonly masks: (Int32Array | undefined)[] = []
  /** By slot of the function: see `VISITED` and `WRITES` in stack-liveness. */
  readonly visited: Uint8Array
  /** Where something was added since liveness was last solved: places in postorder. */
  dirtyFrom = Number.POSITIVE_INFINITY
  dirtyTo = -1
  updated = false
  /** Something is no longer certain to be written: what followed from it has to be forgotten. */
  writesDropped = false

  constructor(outer: FunctionInstance | undefined, callsite: number, subprogno: number, start: number, size: number) {
    this.outer = outer
    this.callsite = callsite
    this.subprogno = subprogno
    this.depth = outer === undefined ? 0 : outer.depth + 1
    this.start = start
    this.size = size
    this.visited = new Uint8Array(size)
  }

  /** The instance of `subprogno` that is called at `callsite`, if it was ever asked for. */
  find(callsite: number, subprogno: number): FunctionInstance | undefined {
    return this.inner.get(callsite * MAX_SUBPROGRAMS + subprogno)
  }

  /** Those that are called from here. */
  callees(): IterableIterator<FunctionInstance> {
    return this.inner.values()
  }

  keep(instance: FunctionInstance): void {
    this.inner.set(instance.callsite * MAX_SUBPROGRAMS + instance.subprogno, instance)
  }
}

/** More than any platform allows: callsite and function make one key. */
const MAX_SUBPROGRAMS = 65536

/** Slot of the instruction that frame `frameno` is at: the one at hand, or a call. */
export function frameInsn(state: State, frameno: number): number {
  const inner = state.frames[frameno + 1]
  return inner === undefined ? state.insn : inner.callsite
}
