/**
 * At a point where paths meet: is this state covered by one that was explored, has the path come back to where it was,
 * and should this state be kept as a checkpoint? The heuristics are Linux's, to the number: they decide how many
 * instructions are processed, and so which programs are too complex.
 * @see https://docs.kernel.org/bpf/verifier.html#pruning
 * @module
 */
import type { Environment } from '../environment.ts'
import {
  INSN_CALLS_CALLBACK,
  INSN_FORCE_CHECKPOINT,
  INSN_ITER_NEXT,
  INSN_JUMP_POINT,
  WORK_OF_INSN,
} from '../environment.ts'
import { reject } from '../rejection.ts'
import type { State } from '../state.ts'
import { cleanCheckpoints } from './clean.ts'
import { iteratorOf, iteratorsAdvanced, maybeLooping, statesEqual } from './equal.ts'
import type { Exploration } from './exploration.ts'
import { pushHistory } from './history.ts'
import { addBackedge, enterLoop, isIncomplete, leaveLoop } from './loops.ts'
import { propagatePrecision } from './precision.ts'

/** Entries of a history after which a checkpoint is made whatever else holds. */
const LONG_HISTORY = 40
/** Jumps and instructions that lie between two checkpoints at least. */
const MIN_JUMPS = 2
const MIN_INSNS = 8
/** The same inside of a loop, whose iterations seldom cover each other: either of them suffices. */
const LOOP_JUMPS = 20
const LOOP_INSNS = 100
/** Misses, for each hit and one more, after which a checkpoint is not compared with any more. */
const PATIENCE = 3
/** The same where a loop has to converge. */
const LOOP_PATIENCE = 64
/** Without CAP_BPF no more checkpoints are kept in a list. */
const MAX_STATES_UNTRUSTED = 64

/**
 * At a prune point, before the instruction `env.insn` is checked. True: the current state is covered, and the path ends
 * here. Else it may have become a checkpoint, from which the current state goes on. Rejects infinite loops.
 */
export function visitState(env: Environment): boolean {
  const { exploration, cur, insn, statistics } = env
  const forced =
    env.options.testStateFrequency === true ||
    env.hasFlag(insn, INSN_FORCE_CHECKPOINT) ||
    cur.history.length > LONG_HISTORY
  const jumps = env.jumpsProcessed - exploration.jumpsAtCheckpoint
  const insns = statistics.insnsProcessed - exploration.insnsAtCheckpoint
  let keep = forced || (jumps >= MIN_JUMPS && insns >= MIN_INSNS)

  const list = exploration.listOf(insn, cur.frame.callsite)
  cleanCheckpoints(env, list)
  let count = 0
  let previous: State | undefined
  let next: State | undefined
  for (let old = exploration.lists[list]; old !== undefined; old = next) {
    next = old.nextInList
    count++
    if (old.insn !== insn) {
      previous = old
      continue
    }
    if (old.branches > 0) {
      if (convergesAt(env, old, cur)) return cover(env, old, true)
      // Iterations differ from each other: few checkpoints among them are worth their while.
      if (!forced && jumps < LOOP_JUMPS && insns < LOOP_INSNS) keep = false
    } else {
      const incomplete = isIncomplete(env, old)
      if (statesEqual(env, old, cur, incomplete ? 'range_within' : 'not_exact')) return cover(env, old, incomplete)
    }
    if (keep) old.misses++
    const patience = old.branches > 0 && env.hasFlag(insn, INSN_FORCE_CHECKPOINT) ? LOOP_PATIENCE : PATIENCE
    if (old.misses > old.hits * patience + patience) {
      if (previous === undefined) exploration.lists[list] = next
      else previous.nextInList = next
      if (!old.cleaned) exploration.uncleaned[list]!--
      evict(env, exploration, old)
    } else {
      previous = old
    }
  }
  env.charge(count * WORK_OF_INSN)
  if (count > statistics.maxStatesPerInsn) statistics.maxStatesPerInsn = count
  if (keep && (env.permissions.bpfCapable || count <= MAX_STATES_UNTRUSTED)) keepCheckpoint(env, exploration, list)
  return false
}

/**
 * The checkpoint is on the current path. True if the path has come back to it in a loop that may do so. Rejects the
 * program if it has come back in one that may not.
 */
function convergesAt(env: Environment, old: State, cur: State): boolean {
  const { insn } = env
  const { frame } = old
  // Another entry into an asynchronous callback is another run, which says nothing of loops.
  if (frame.inAsyncCallback && frame.asyncEntryCount !== cur.frame.asyncEntryCount) return false
  // An iterator ends some day: that a path comes back to where one was shows that all iterations are alike.
  if (env.hasFlag(insn, INSN_ITER_NEXT)) return statesEqual(env, old, cur, 'range_within') && isIterating(cur)
  if (env.insns[insn]!.kind === 'may_goto') {
    if (old.mayGotoDepth !== cur.mayGotoDepth && statesEqual(env, old, cur, 'range_within')) return true
  }
  if (env.hasFlag(insn, INSN_CALLS_CALLBACK)) return statesEqual(env, old, cur, 'range_within')
  if (
    maybeLooping(old, cur) &&
    statesEqual(env, old, cur, 'exact') &&
    !iteratorsAdvanced(old, cur) &&
    old.mayGotoDepth === cur.mayGotoDepth &&
    old.callbackUnrollDepth === cur.callbackUnrollDepth
  ) {
    reject('infinite_loop', `infinite loop detected at insn ${insn}`, { current: cur, old })
  }
  return false
}

/** The iterator that r1 points to goes on. The state was compared with one that was checked: r1 is such a pointer. */
function isIterating(cur: State): boolean {
  const pointer = cur.reg(1)
  const slot = (-(pointer.off + pointer.scalar.constant) - 1) >> 3
  return iteratorOf(cur.frames[pointer.aux]?.stack[slot])?.state === 'active'
}

/** The path ends at `old`, which covers it. */
function cover(env: Environment, old: State, loop: boolean): boolean {
  const { cur } = env
  old.hits++
  if (env.hasFlag(env.insn, INSN_JUMP_POINT)) pushHistory(env, cur, 0, undefined)
  propagatePrecision(env, old, cur)
  if (loop) addBackedge(env, old, cur)
  return true
}

function keepCheckpoint(env: Environment, exploration: Exploration, list: number): void {
  const { cur, statistics, insn } = env
  statistics.totalStates++
  exploration.listed++
  exploration.countStates(env)
  exploration.jumpsAtCheckpoint = env.jumpsProcessed
  exploration.insnsAtCheckpoint = statistics.insnsProcessed
  const checkpoint = cur.copy()
  checkpoint.history = cur.history
  checkpoint.insn = insn
  checkpoint.branches = 1
  enterLoop(env, checkpoint)
  cur.parent = checkpoint
  cur.firstInsn = insn
  cur.dfsDepth = checkpoint.dfsDepth + 1
  cur.history = []
  checkpoint.nextInList = exploration.lists[list]
  exploration.lists[list] = checkpoint
  exploration.uncleaned[list]!++
}

function evict(env: Environment, exploration: Exploration, state: State): void {
  state.evicted = true
  state.nextInList = undefined
  exploration.listed--
  exploration.evicted++
  release(env, exploration, state)
}

/** Nothing will ask for an evicted checkpoint again. */
function release(env: Environment, exploration: Exploration, state: State): void {
  if (state.evicted && state.branches === 0 && !isIncomplete(env, state)) exploration.evicted--
}

/** A path ended in `state`: so do the checkpoints that it came through, if no other path from them is open. */
export function updateBranchCounts(env: Environment, state: State): void {
  for (let at: State | undefined = state; at !== undefined; at = at.parent) {
    if (--at.branches > 0) return
    leaveLoop(env, at)
    release(env, env.exploration, at)
  }
}
