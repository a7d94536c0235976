/**
 * Whether a state need not be explored because one that knows no more was: everything that the current state may be,
 * the old one may be too.
 *
 * - `not_exact`: the old state is explored to its end. Scalars whose value did not matter may have any.
 * - `range_within`: it is not, so that the value of every scalar may still matter.
 * - `exact`: the states are the same, up to the names of ids. A path that has come from one to the other will do so for
 *   ever.
 * @see https://docs.kernel.org/bpf/verifier.html#register-parentage-chains
 * @module
 */
import type { Environment } from '../environment.ts'
import type { Frame, IteratorInfo, Reference, Reg, StackSlot, State } from '../state.ts'
import { coversReg, type Exactness, sameReg } from './equal-registers.ts'
import { coversSlotAt, uncoveredSlot } from './equal-stack.ts'
import { frameInsn } from './function-instance.ts'
import type { IdMap } from './id-map.ts'

const REGISTERS = 11
const ALL_REGISTERS = (1 << REGISTERS) - 1

/** `old` covers `cur`: what is safe after `old` is safe after `cur`. */
export function statesEqual(env: Environment, old: State, cur: State, exactness: Exactness): boolean {
  const { length } = old.frames
  if (length !== cur.frames.length) return false
  // What only a mispredicting CPU does says nothing of what programs do.
  if ((old.speculative && !cur.speculative) || old.inSleepable !== cur.inSleepable) return false
  const { ids } = env.exploration
  ids.clear(env.idCounter)
  // Most states differ, and mostly where the one before differed.
  const { mismatch } = old
  if (mismatch >= 0 && !coversPlace(env, old, cur, mismatch, exactness)) return false
  ids.clear(env.idCounter)
  if (!coversResources(old, cur, ids)) return false
  for (let i = 0; i < length; i++) {
    if (old.frames[i]!.callsite !== cur.frames[i]!.callsite) return false
    if (!coversFrame(env, old, cur, i, exactness)) return false
  }
  return true
}

const STACK_PLACE = 16

/** One register or stack slot on its own, as `State.mismatch` names it: what does not cover alone, does not with others. */
function coversPlace(env: Environment, old: State, cur: State, place: number, exactness: Exactness): boolean {
  const frameno = place >>> 8
  const index = place & 0xff
  const oldFrame = old.frames[frameno]!
  const curFrame = cur.frames[frameno]!
  const { ids } = env.exploration
  if (index < STACK_PLACE) {
    if (((env.liveRegisters[frameInsn(old, frameno)]! >>> index) & 1) === 0) return true
    const precise = ((preciseMask(env, old, frameno) >>> index) & 1) !== 0
    return coversReg(env, ids, oldFrame.regs[index]!, curFrame.regs[index]!, precise, exactness)
  }
  const slot = index - STACK_PLACE
  return (
    slot >= oldFrame.stack.length || coversSlotAt(env, ids, oldFrame, curFrame, slot, old.precise?.[frameno], exactness)
  )
}

/** Registers whose value matters. Without CAP_BPF there is no precision tracking, and every scalar counts. */
function preciseMask(env: Environment, old: State, frameno: number): number {
  if (!env.permissions.bpfCapable || env.options.strictPruning === true) return -1
  return old.precise?.[frameno]?.regs ?? 0
}

function coversFrame(env: Environment, old: State, cur: State, frameno: number, exactness: Exactness): boolean {
  const oldFrame = old.frames[frameno]!
  const curFrame = cur.frames[frameno]!
  if (oldFrame.callbackDepth > curFrame.callbackDepth || !sameRole(oldFrame, curFrame)) return false
  const { ids } = env.exploration
  const precise = preciseMask(env, old, frameno)
  let live = env.liveRegisters[frameInsn(old, frameno)]! & ALL_REGISTERS
  for (let i = 0; live !== 0; i++, live >>>= 1) {
    if ((live & 1) === 0) continue
    const isPrecise = ((precise >>> i) & 1) !== 0
    if (!coversReg(env, ids, oldFrame.regs[i]!, curFrame.regs[i]!, isPrecise, exactness)) {
      old.mismatch = (frameno << 8) | i
      return false
    }
  }
  const slot = uncoveredSlot(env, ids, oldFrame, curFrame, old.precise?.[frameno], exactness)
  if (slot < 0) return true
  old.mismatch = (frameno << 8) | (STACK_PLACE + slot)
  return false
}

/** What a function must return depends on what calls it back: one may be the callback of a timer and of task work. */
function sameRole(old: Frame, cur: Frame): boolean {
  if (old.inAsyncCallback !== cur.inAsyncCallback || old.inExceptionCallback !== cur.inExceptionCallback) return false
  const before = old.callbackRange
  const now = cur.callbackRange
  return before === now || (before !== undefined && before.min === now?.min && before.max === now.max)
}

/** Locks, references and critical sections have to be the same. */
function coversResources(old: State, cur: State, ids: IdMap): boolean {
  const { length } = old.references
  if (length !== cur.references.length || old.activeLocks !== cur.activeLocks) return false
  if (old.activePreemptLocks !== cur.activePreemptLocks || old.activeRcuLocks !== cur.activeRcuLocks) return false
  if (!ids.pair(old.activeIrqId, cur.activeIrqId)) return false
  if (!ids.pair(old.activeLockId, cur.activeLockId) || old.activeLockOwner !== cur.activeLockOwner) return false
  for (let i = 0; i < length; i++) {
    if (!coversReference(old.references[i]!, cur.references[i]!, ids)) return false
  }
  return true
}

function coversReference(old: Reference, cur: Reference, ids: IdMap): boolean {
  return ids.pair(old.id, cur.id) && old.kind === cur.kind && old.owner === cur.owner
}

/** A quick look at the registers of the current frame: whether it is worth comparing the states exactly. */
export function maybeLooping(old: State, cur: State): boolean {
  if (old.frames.length !== cur.frames.length) return false
  const oldRegs = old.frame.regs
  const curRegs = cur.frame.regs
  for (let i = 0; i < REGISTERS; i++) if (!sameRegister(oldRegs[i]!, curRegs[i]!)) return false
  return true
}

function sameRegister(old: Reg, cur: Reg): boolean {
  return old === cur || (old.id === cur.id && old.refObjId === cur.refObjId && sameReg(old, cur))
}

/** Some iterator has gone on since: the states are of different iterations, though they look alike. */
export function iteratorsAdvanced(old: State, cur: State): boolean {
  for (let i = 0; i < old.frames.length; i++) if (advanced(old.frames[i]!, cur.frames[i]!)) return true
  return false
}

function advanced(old: Frame, cur: Frame): boolean {
  if (old === cur) return false
  for (let slot = 0; slot < old.stack.length; slot++) {
    const before = iteratorOf(old.stack[slot])
    if (before === undefined || before.state !== 'active') continue
    if (iteratorOf(cur.stack[slot])?.depth !== before.depth) return true
  }
  return false
}

/** The iterator that a stack slot holds. */
export function iteratorOf(slot: StackSlot | undefined): IteratorInfo | undefined {
  const target = slot?.reg.target
  return target !== undefined && 'kind' in target && target.kind === 'iterator' ? target : undefined
}
