/**
 * Branches that wait: an explicit stack, the last one first, so that exploration is depth-first and nothing recurses.
 * @module
 */
import type { Environment, PendingBranch } from '../environment.ts'
import { reject } from '../rejection.ts'
import type { State } from '../state.ts'

/** `BPF_COMPLEXITY_LIMIT_JMP_SEQ`. */
export const MAX_PENDING_BRANCHES = 8192

/** Entries of the histories of all pending branches together: where nothing makes a checkpoint, each branch copies a longer one. */
const MAX_PENDING_HISTORY = 1 << 24

/** Keeps a copy of the current state, to be explored from `insn` later; the caller may change what the copy knows. */
export function pushBranch(env: Environment, insn: number, previousInsn: number, speculative: boolean): State {
  const state = env.cur.copy()
  state.history = env.cur.history.slice()
  if (speculative) state.speculative = true
  pushState(env, state, insn, previousInsn)
  if (state.parent !== undefined) state.parent.branches++
  return state
}

/** The same for a state that was made from nothing (an asynchronous callback). */
export function pushState(env: Environment, state: State, insn: number, previousInsn: number): void {
  env.pendingHistory += state.history.length
  if (env.pendingHistory > MAX_PENDING_HISTORY) {
    reject('memory_limit', `the histories of ${env.pending.length} pending branches are too long`)
  }
  env.pending.push({ state, insn, previousInsn, pathLength: env.pathLength, historyLength: state.history.length })
  if (env.pending.length > MAX_PENDING_BRANCHES) {
    reject('too_many_branches', `The sequence of ${env.pending.length} jumps is too complex.`)
  }
}

/** Takes up the branch that was pushed last; undefined if none is left. */
export function popBranch(env: Environment): PendingBranch | undefined {
  const branch = env.pending.pop()
  if (branch === undefined) return undefined
  env.pendingHistory -= branch.historyLength
  env.cur = branch.state
  env.insn = branch.insn
  env.previousInsn = branch.previousInsn
  env.pathLength = branch.pathLength
  return branch
}
