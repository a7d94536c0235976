/**
 * Forgetting what does not matter: registers and stack slots of a checkpoint that nothing will read. The less a
 * checkpoint knows, the more states it covers.
 * @module
 */
import type { Environment } from '../environment.ts'
import { INVALID_SLOT, type State, UNINITIALISED } from '../state.ts'
import { frameInsn } from './function-instance.ts'
import { isIncomplete } from './loops.ts'
import { liveSlots } from './stack-liveness.ts'

const FRAME_POINTER = 10

/** Cleans the checkpoints of a list that are at the current instruction and call chain and are explored to their end. */
export function cleanCheckpoints(env: Environment, list: number): void {
  const { lists, uncleaned } = env.exploration
  let left = uncleaned[list]!
  for (let state = lists[list]; state !== undefined && left > 0; state = state.nextInList) {
    if (state.cleaned) continue
    left--
    if (state.branches !== 0 || state.insn !== env.insn) continue
    if (!sameCallsites(state, env.cur) || isIncomplete(env, state)) continue
    cleanState(env, state)
    uncleaned[list]!--
  }
}

/** Forgets what is dead in a checkpoint, in all its frames. */
export function cleanState(env: Environment, state: State): void {
  state.cleaned = true
  for (let frameno = 0; frameno < state.frames.length; frameno++) {
    cleanRegisters(state, frameno, env.liveRegisters[frameInsn(state, frameno)]!)
    if (state.frames[frameno]!.stack.length > 0 && env.options.strictPruning !== true) {
      const { low, high } = liveSlots(env, state, frameno)
      cleanStack(state, frameno, low, high)
    }
  }
}

function cleanRegisters(state: State, frameno: number, live: number): void {
  for (let regno = 0; regno < FRAME_POINTER; regno++) {
    if ((live & (1 << regno)) !== 0 || state.frames[frameno]!.regs[regno] === UNINITIALISED) continue
    state.writable(frameno).regs[regno] = UNINITIALISED
  }
}

function cleanStack(state: State, frameno: number, low: number, high: number): void {
  const { length } = state.frames[frameno]!.stack
  for (let slot = 0; slot < length; slot++) {
    const live = (slot < 32 ? low >>> slot : high >>> (slot - 32)) & 1
    if (live !== 0 || state.frames[frameno]!.stack[slot] === INVALID_SLOT) continue
    state.writable(frameno).stack[slot] = INVALID_SLOT
  }
}

/** Both are in the same chain of calls. */
function sameCallsites(a: State, b: State): boolean {
  if (a.frames.length !== b.frames.length) return false
  for (let i = a.frames.length - 1; i >= 0; i--) if (a.frames[i]!.callsite !== b.frames[i]!.callsite) return false
  return true
}
