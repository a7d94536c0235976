/**
 * Calls of the program's own functions: static ones are walked into at each call, global ones are taken at their word;
 * returns; callbacks, which are entered from the call that calls back and return to it.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
import type { CallInsn } from '../../isa/index.ts'
import type { Environment, SubprogramInfo } from '../environment.ts'
import { pushBranch, pushState } from '../explore/branches.ts'
import { markPrecise } from '../explore/precision.ts'
import { updateStackLiveness } from '../explore/stack-liveness.ts'
import { findPreviousEntry, widenImpreciseScalars } from '../explore/widen.ts'
import { clearPacketPointers } from '../memory/packet.ts'
import { reject } from '../rejection.ts'
import { Frame, State, UNINITIALISED, UNKNOWN_SCALAR } from '../state.ts'
import { PTR_TO_STACK, SCALAR_VALUE } from '../types.ts'
import { checkGlobalCall } from './global-call.ts'
import { checkCallbackResult } from './return.ts'

/** Prepares the callee's arguments from what the caller's registers hold. `insn` is the call. */
export type CallbackSetup = (env: Environment, caller: Frame, callee: Frame, insn: number) => void

const CALLER_SAVED = 6

/** A call of a function of the program; moves env.insn. */
export function checkLocalCall(env: Environment, insn: CallInsn): void {
  const target = env.insn + 1 + insn.imm
  const subprogram = env.subprograms[env.subprogramOf[target]!]!
  if (subprogram.linkage !== 'static') {
    callGlobal(env, subprogram)
    env.insn++
    return
  }
  const state = env.cur
  const caller = state.writable()
  const callee = enterFrame(env, state, subprogram.index, env.insn)
  for (let regno = 1; regno <= 5; regno++) callee.regs[regno] = caller.regs[regno]!
  clearCallerSaved(caller)
  env.insn = subprogram.start
}

function callGlobal(env: Environment, subprogram: SubprogramInfo): void {
  const state = env.cur
  if (state.activeLocks > 0) {
    reject('lock_held', ['global function calls are not allowed while holding a lock,', 'use static function instead'])
  }
  if (subprogram.mightSleep && !inSleepableContext(state)) {
    reject('sleepable', [
      'global functions that may sleep are not allowed in non-sleepable context,',
      'i.e., in a RCU/IRQ/preempt-disabled section, or in',
      'a non-sleepable BPF program context',
    ])
  }
  checkGlobalCall(env, subprogram)
  if (subprogram.changesPacket) clearPacketPointers(env)
  subprogram.called = true
  const caller = state.writable()
  clearCallerSaved(caller)
  caller.regs[0] = UNKNOWN_SCALAR
}

/** Sleeping is allowed here: the program may, and nothing is held that forbids it. */
export function inSleepableContext(state: State): boolean {
  return (
    state.inSleepable &&
    state.activeLocks === 0 &&
    state.activeRcuLocks === 0 &&
    state.activePreemptLocks === 0 &&
    state.activeIrqId === 0
  )
}

function clearCallerSaved(frame: Frame): void {
  for (let regno = 0; regno < CALLER_SAVED; regno++) frame.regs[regno] = UNINITIALISED
}

/** A frame for the callee on top of `state`; the caller fills its registers. */
function enterFrame(env: Environment, state: State, subprogno: number, callsite: number): Frame {
  const depth = state.frames.length
  if (depth >= env.platform.limits.callDepth) {
    reject('too_many_frames', `the call stack of ${depth + 1} frames is too deep`, { frames: depth + 1 })
  }
  const callee = new Frame({ callsite, frameno: depth, subprogno }, state)
  state.frames.push(callee)
  return callee
}

/** `exit` in a function that was called; moves env.insn back to the caller. */
export function returnToCaller(env: Environment): void {
  const state = env.cur
  const callee = state.frame
  const r0 = callee.regs[0]!
  if (r0.type === PTR_TO_STACK) {
    reject('wrong_type', 'cannot return stack pointer to the caller', { regno: 0 })
  }
  if (callee.inCallback) {
    if (r0.type !== SCALAR_VALUE) reject('callback', 'R0 not a scalar value', { regno: 0 })
    markPrecise(env, 0)
    if (callee.callbackRange !== undefined) checkCallbackResult(env, callee.callbackRange)
  }
  const { inCallback, callsite } = callee
  updateStackLiveness(env)
  state.frames.pop()
  if (!inCallback) {
    state.setReg(0, r0)
    env.insn = callsite + 1
    return
  }
  // Back to the call: it decides whether there is another round.
  env.insn = callsite
  const previous = findPreviousEntry(env, state, env.insn)
  if (previous !== undefined) widenImpreciseScalars(env, previous, state)
}

/**
 * The call at env.insn may call subprogram `subprogno` back. A synchronous callback waits as a branch in which it was
 * entered; an asynchronous one is explored on its own, in a state that knows nothing of this one.
 */
export function pushCallbackFrame(
  env: Environment,
  subprogno: number,
  setup: CallbackSetup,
  async: boolean,
  sleepable: boolean,
): void {
  const subprogram = env.subprograms[subprogno]!
  const caller = env.cur.writable()
  subprogram.isCallback = true
  if (async) {
    subprogram.isAsyncCallback = true
    const state = new State()
    state.branches = 1
    state.inSleepable = sleepable
    const callee = new Frame({ callsite: -1, frameno: 0, subprogno }, state)
    callee.asyncEntryCount = caller.asyncEntryCount + 1
    state.frames.push(callee)
    state.insn = state.firstInsn = subprogram.start
    setup(env, caller, callee, env.insn)
    pushState(env, state, subprogram.start, env.insn)
    return
  }
  const state = pushBranch(env, subprogram.start, env.insn, false)
  state.callbackUnrollDepth++
  state.writable().callbackDepth++
  env.cur.writable().callbackDepth = 0
  const callee = enterFrame(env, state, subprogno, env.insn)
  setup(env, state.frames[state.frames.length - 2]!, callee, env.insn)
}
