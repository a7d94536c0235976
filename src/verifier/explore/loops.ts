/**
 * Loops that may go on for ever as far as the verifier is concerned (iterators, callbacks, may_goto): a path that comes
 * back to a state it was in ends there, though that state is not explored to its end. What is found to be precise in it
 * later has to be carried over such back edges. So they are kept until the loop is left for good, that is, until all
 * paths from the state that entered it are explored.
 *
 * A loop is a strongly connected component of the control-flow graph, entered by one chain of calls.
 * @module
 */
import { type Environment, WORK_OF_INSN } from '../environment.ts'
import type { State } from '../state.ts'
import { frameInsn } from './function-instance.ts'
import { markAllPrecise, propagatePrecision } from './precision.ts'

/** Passes over the back edges of a loop before everything is taken for precise. */
const MAX_PASSES = 64

/** A loop, entered by one chain of calls. */
export class LoopVisit {
  /** The first checkpoint of the path that entered the loop; undefined while no path is in it. */
  entry: State | undefined = undefined
  /** States that ended where an equal one was known. */
  backedges: State[] = []
}

/** The loop that a state is in, the outermost frame first; undefined if it is in none, or none was entered there. */
function visitOf(env: Environment, state: State): LoopVisit | undefined {
  for (let i = 0; i < state.frames.length; i++) {
    const component = env.scc[frameInsn(state, i)]!
    if (component !== 0) return env.exploration.instanceOf(env, state, i).visits?.get(component)
  }
  return undefined
}

/** A checkpoint was made: if it is in a loop that no path is in, it has entered the loop. */
export function enterLoop(env: Environment, state: State): void {
  for (let i = 0; i < state.frames.length; i++) {
    const component = env.scc[frameInsn(state, i)]!
    if (component === 0) continue
    const { exploration } = env
    const instance = exploration.instanceOf(env, state, i)
    if (instance.visits === undefined) {
      instance.visits = new Map()
      exploration.openVisits.push(instance)
    }
    let visit = instance.visits.get(component)
    if (visit === undefined) {
      visit = new LoopVisit()
      instance.visits.set(component, visit)
    }
    visit.entry ??= state
    return
  }
}

/** All paths from a checkpoint are explored: if it had entered a loop, the loop is left for good. */
export function leaveLoop(env: Environment, state: State): void {
  const visit = visitOf(env, state)
  if (visit === undefined || visit.entry !== state) return
  visit.entry = undefined
  env.exploration.backedges -= visit.backedges.length
  env.exploration.countStates(env)
  closeBackedges(env, visit)
}

/** `cur`, a state that is given up, was found to be covered by `old`, which is not explored to its end. */
export function addBackedge(env: Environment, old: State, cur: State): void {
  const visit = visitOf(env, old)
  // A checkpoint in no loop can only be met again after it was explored to its end.
  if (visit === undefined) {
    markAllPrecise(cur)
    return
  }
  const edge = cur.copy()
  edge.history = cur.history
  edge.insn = cur.insn
  edge.equalState = old
  visit.backedges.push(edge)
  env.exploration.backedges++
  env.exploration.countStates(env)
}

/** What a checkpoint says of precision is not final: back edges of its loop are still to be followed. */
export function isIncomplete(env: Environment, state: State): boolean {
  if (env.exploration.backedges === 0) return false
  const visit = visitOf(env, state)
  return visit !== undefined && visit.backedges.length > 0
}

function closeBackedges(env: Environment, visit: LoopVisit): void {
  const { backedges } = visit
  visit.backedges = []
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    let changed = false
    for (let i = backedges.length - 1; i >= 0; i--) {
      const edge = backedges[i]!
      if (propagatePrecision(env, edge.equalState!, edge)) changed = true
    }
    env.charge(backedges.length * WORK_OF_INSN)
    if (!changed) return
  }
  for (const edge of backedges) markAllPrecise(edge)
}
