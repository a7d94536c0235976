/**
 * Precision: which scalars of a checkpoint have to be exact. A scalar is imprecise until something depends on its
 * value; then the path is walked backwards, through checkpoint after checkpoint, and everything that the value was made
 * from is marked. Comparison of states reads the marks: what nothing depends on may have any value.
 *
 * The current state carries no marks. Whatever a check takes from it is passed on to the checkpoints it came through;
 * if it becomes a checkpoint itself, it starts without any.
 * @see https://docs.kernel.org/bpf/verifier.html#register-parentage-chains
 * @module
 */
import type { Environment } from '../environment.ts'
import type { Frame, HistoryEntry, PrecisionMarks, State } from '../state.ts'
import { SCALAR_VALUE } from '../types.ts'
import { stepBack, type Wanted } from './backtrack.ts'
import { TOUCHES_ALL } from './backtrack-code.ts'
import type { Exploration } from './exploration.ts'

const MAX_FRAMES = 16
/** r0 to r9. */
const SCALAR_REGISTERS = 0x3ff
/** r1 to r5. */
const ARGUMENTS = 0x3e

/** Steps back that are charged at once, and what they are. */
const STEPS_CHARGED = 1024
const STEPS_WORK = 256
/** Steps back in one verification, some seconds of them; after that everything is taken for precise. No program of the corpora takes a thousandth. */
const MAX_STEPS = 2 ** 27

/** Marks of a checkpoint whose scalars are all precise. Shared, never written: there is nothing to add. */
const ALL_PRECISE: PrecisionMarks[] = Array.from({ length: MAX_FRAMES }, () => ({
  regs: -1,
  stackLow: -1,
  stackHigh: -1,
}))

/** The exact value of a scalar of the current frame matters from here on. */
export function markPrecise(env: Environment, regno: number): void {
  if (!env.permissions.bpfCapable) return
  const { wanted } = env.exploration
  wanted.frame = env.cur.curframe
  wanted.regs[wanted.frame]! |= 1 << regno
  walkBack(env, env.exploration, env.cur)
}

/**
 * The same for several at a time: bits of `regs` are registers of frame `frameno`, `slots` numbers of its stack slots.
 */
export function markPreciseBatch(env: Environment, frameno: number, regs: number, slots: readonly number[]): void {
  if (!env.permissions.bpfCapable) return
  const { wanted } = env.exploration
  wanted.frame = env.cur.curframe
  wanted.regs[frameno]! |= regs
  for (const slot of slots) wanted.addSlot(frameno, slot)
  walkBack(env, env.exploration, env.cur)
}

/**
 * `cur` was found to be covered by the checkpoint `old`: what is precise there is precise here. True if that marked
 * something new.
 */
export function propagatePrecision(env: Environment, old: State, cur: State): boolean {
  if (!env.permissions.bpfCapable || old.precise === undefined) return false
  const { wanted } = env.exploration
  for (let i = old.frames.length - 1; i >= 0; i--) {
    const marks = old.precise[i]!
    const frame = old.frames[i]!
    wanted.regs[i] = scalarRegisters(frame, marks.regs & SCALAR_REGISTERS)
    wanted.slotsLow[i] = scalarSlots(frame, marks.stackLow, 0)
    wanted.slotsHigh[i] = scalarSlots(frame, marks.stackHigh, 32)
  }
  wanted.frame = cur.curframe
  return walkBack(env, env.exploration, cur)
}

/** All scalars of all checkpoints that `start` came through are precise: where backtracking is at its wit's end. */
export function markAllPrecise(start: State): void {
  // Who is marked this way has ancestors that are: so the work is done once for each checkpoint.
  for (let state = start.parent; state !== undefined && state.precise !== ALL_PRECISE; state = state.parent) {
    state.precise = ALL_PRECISE
  }
}

/** Registers of a checkpoint's frame that are marked; also such as hold no scalar. */
export function preciseRegisters(state: State, frameno: number): number {
  return state.precise === undefined ? 0 : state.precise[frameno]!.regs
}

/** Walks from the instruction that is being checked in `start` to where all wanted values were made. */
function walkBack(env: Environment, exploration: Exploration, start: State): boolean {
  const { wanted } = exploration
  const { regs } = wanted
  const { touches } = exploration.code
  if (wanted.isEmpty) return false
  if (exploration.stepsBack > MAX_STEPS) {
    wanted.clear()
    markAllPrecise(start)
    return false
  }
  let changed = false
  let steps = 0
  let state = start
  let insn = start.insn
  // The instruction at hand has not taken effect, so it is passed over.
  let skip = true
  let next = -1
  for (;;) {
    if (insn < 0) {
      // The entry of a global function: its arguments are what they are.
      if (isGlobalEntry(state, wanted)) wanted.clear()
      break
    }
    const { history, firstInsn } = state
    let left = history.length
    let top = left > 0 ? history[left - 1] : undefined
    for (;;) {
      const entry = top !== undefined && top.insn === insn ? top : undefined
      if (++steps % STEPS_CHARGED === 0 && !mayStepOn(env, exploration)) {
        wanted.clear()
        markAllPrecise(start)
        return changed
      }
      if (skip) {
        skip = false
      } else if (
        (touches[insn]! & (regs[wanted.frame]! | TOUCHES_ALL)) !== 0 ||
        (entry !== undefined && saysMore(entry))
      ) {
        if (!stepBack(env, wanted, insn, next, entry)) {
          wanted.clear()
          markAllPrecise(start)
          return changed
        }
        if (wanted.isEmpty) return changed
      }
      next = insn
      // A path may come through its first instruction several times; its history tells whether this is the first time.
      if (insn === firstInsn && (left === 0 || (left === 1 && entry !== undefined))) break
      if (entry === undefined) {
        insn--
      } else {
        insn = entry.previous
        left--
        top = left > 0 ? history[left - 1] : undefined
      }
      if (insn < 0) {
        wanted.clear()
        markAllPrecise(start)
        return changed
      }
    }
    const { parent } = state
    if (parent === undefined) break
    if (markCheckpoint(parent, wanted)) changed = true
    if (wanted.isEmpty) return changed
    next = firstInsn
    state = parent
    insn = parent.lastInsn
  }
  if (!wanted.isEmpty) {
    wanted.clear()
    markAllPrecise(start)
  }
  return changed
}

/** Accounts for steps back. False: there were too many in this verification, the others are not worth their time. */
function mayStepOn(env: Environment, exploration: Exploration): boolean {
  env.charge(STEPS_WORK)
  exploration.stepsBack += STEPS_CHARGED
  return exploration.stepsBack <= MAX_STEPS
}

/** The entry tells more than that control came from elsewhere. */
function saysMore(entry: HistoryEntry): boolean {
  return entry.flags !== 0 || entry.linked !== undefined
}

function isGlobalEntry(state: State, wanted: Wanted): boolean {
  if (state.frames.length !== 1 || wanted.frame !== 0) return false
  const frame = state.frames[0]!
  if (frame.subprogno === 0 || frame.callsite !== -1) return false
  return (wanted.regs[0]! & ~ARGUMENTS) === 0 && (wanted.slotsLow[0]! | wanted.slotsHigh[0]!) === 0
}

/** Marks what is wanted of a checkpoint. What is no scalar there, or is marked already, is wanted no longer. */
function markCheckpoint(state: State, wanted: Wanted): boolean {
  let changed = false
  for (let i = wanted.frame; i >= 0; i--) {
    if ((wanted.regs[i]! | wanted.slotsLow[i]! | wanted.slotsHigh[i]!) === 0) continue
    const frame = state.frames[i]
    if (frame === undefined) continue
    const marks = marksOf(state, i)
    const regs = scalarRegisters(frame, wanted.regs[i]!) & ~marks.regs
    const low = scalarSlots(frame, wanted.slotsLow[i]!, 0) & ~marks.stackLow
    const high = scalarSlots(frame, wanted.slotsHigh[i]!, 32) & ~marks.stackHigh
    wanted.regs[i] = regs
    wanted.slotsLow[i] = low
    wanted.slotsHigh[i] = high
    if ((regs | low | high) === 0) continue
    changed = true
    marks.regs |= regs
    marks.stackLow |= low
    marks.stackHigh |= high
  }
  return changed
}

function marksOf(state: State, frameno: number): PrecisionMarks {
  if (state.precise === undefined) {
    state.precise = []
    for (let i = 0; i < state.frames.length; i++) state.precise.push({ regs: 0, stackLow: 0, stackHigh: 0 })
  }
  return state.precise[frameno]!
}

/** Those of the registers in `mask` that hold scalars. */
function scalarRegisters(frame: Frame, mask: number): number {
  let scalars = 0
  for (let rest = mask; rest !== 0; rest &= rest - 1) {
    const bit = rest & -rest
    if (frame.regs[31 - Math.clz32(bit)]?.type === SCALAR_VALUE) scalars |= bit
  }
  return scalars
}

/** Those of the slots in `mask`, bit 0 being slot `first`, that hold spilled scalars. */
function scalarSlots(frame: Frame, mask: number, first: number): number {
  let scalars = 0
  for (let rest = mask; rest !== 0; rest &= rest - 1) {
    const bit = rest & -rest
    const slot = frame.stack[first + 31 - Math.clz32(bit)]
    if (slot?.isSpill && slot.reg.type === SCALAR_VALUE) scalars |= bit
  }
  return scalars
}
