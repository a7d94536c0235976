/**
 * One step backwards: given the registers and stack slots whose exact value matters after an instruction, those whose
 * exact value matters before it.
 * @see https://docs.kernel.org/bpf/verifier.html#register-parentage-chains
 * @module
 */
import type { Environment } from '../environment.ts'
import { INSN_CALLS_CALLBACK } from '../environment.ts'
import type { HistoryEntry } from '../state.ts'
import {
  STEP_CALL,
  STEP_CALL_LOCAL,
  STEP_COMBINE,
  STEP_COMPARE,
  STEP_CONSTANT,
  STEP_EXIT,
  STEP_LOAD,
  STEP_LOAD_PACKET,
  STEP_MOVE,
  STEP_NONE,
  STEP_STORE,
  STEP_STORE_CONSTANT,
  STEP_TAIL_CALL,
} from './backtrack-code.ts'
import {
  accessedFrame,
  accessedSlot,
  isLinkedRegister,
  LEFT_IS_STACK,
  linkedFrame,
  linkedIndex,
  RIGHT_IS_STACK,
  STACK_ACCESS,
} from './history.ts'

const MAX_FRAMES = 16
const R0 = 1
/** r1 to r5. */
const ARGUMENTS = 0x3e

/** The registers and stack slots whose exact value is wanted, by frame. */
export class Wanted {
  /** The frame of the instruction that is looked at. No frame above it wants anything. */
  frame = 0
  /** By frame, bit i for r_i. */
  readonly regs = new Int32Array(MAX_FRAMES)
  /** By frame, slots 0 to 31 and 32 to 63. */
  readonly slotsLow = new Int32Array(MAX_FRAMES)
  readonly slotsHigh = new Int32Array(MAX_FRAMES)

  get isEmpty(): boolean {
    for (let i = this.frame; i >= 0; i--) {
      if ((this.regs[i]! | this.slotsLow[i]! | this.slotsHigh[i]!) !== 0) return false
    }
    return true
  }

  clear(): void {
    this.regs.fill(0)
    this.slotsLow.fill(0)
    this.slotsHigh.fill(0)
  }

  hasSlot(frame: number, slot: number): boolean {
    return ((slot < 32 ? this.slotsLow[frame]! : this.slotsHigh[frame]!) & (1 << (slot & 31))) !== 0
  }

  addSlot(frame: number, slot: number): void {
    if (slot < 32) this.slotsLow[frame]! |= 1 << slot
    else this.slotsHigh[frame]! |= 1 << (slot & 31)
  }

  removeSlot(frame: number, slot: number): void {
    if (slot < 32) this.slotsLow[frame]! &= ~(1 << slot)
    else this.slotsHigh[frame]! &= ~(1 << (slot & 31))
  }
}

/**
 * Steps back over the instruction at `insn`, after which `next` was executed (-1: not known). False: it cannot be told
 * where the value comes from, and everything has to be taken for precise.
 */
export function stepBack(
  env: Environment,
  wanted: Wanted,
  insn: number,
  next: number,
  entry: HistoryEntry | undefined,
): boolean {
  const { code } = env.exploration
  const step = code.steps[insn]!
  if (entry === undefined || entry.linked === undefined) {
    return step === STEP_NONE || stepOver(env, wanted, step, insn, next, entry)
  }
  // Registers were refined together: who wants one wants all, whether it is wanted after the instruction or before.
  wantLinked(wanted, entry.linked)
  if (!stepOver(env, wanted, step, insn, next, entry)) return false
  wantLinked(wanted, entry.linked)
  return true
}

function stepOver(
  env: Environment,
  wanted: Wanted,
  step: number,
  insn: number,
  next: number,
  entry: HistoryEntry | undefined,
): boolean {
  const { code } = env.exploration
  const { regs, frame } = wanted
  const dst = 1 << code.dst[insn]!
  switch (step) {
    case STEP_CONSTANT:
      regs[frame]! &= ~dst
      return true
    case STEP_MOVE:
      if ((regs[frame]! & dst) !== 0) {
        regs[frame]! &= ~dst
        wantRegister(wanted, code.src[insn]!)
      }
      return true
    case STEP_COMBINE:
      if ((regs[frame]! & dst) !== 0) wantRegister(wanted, code.src[insn]!)
      return true
    case STEP_LOAD:
      // Only the stack keeps scalars as they are; a value from elsewhere is made here.
      if ((regs[frame]! & dst) === 0) return true
      regs[frame]! &= ~dst
      if (entry !== undefined && (entry.flags & STACK_ACCESS) !== 0) {
        wanted.addSlot(accessedFrame(entry.flags), accessedSlot(entry.flags))
      }
      return true
    case STEP_STORE:
    case STEP_STORE_CONSTANT: {
      // A scalar as an address: the difference of two pointers, added to a pointer.
      if ((regs[frame]! & dst) !== 0) return false
      if (entry === undefined || (entry.flags & STACK_ACCESS) === 0) return true
      const ofFrame = accessedFrame(entry.flags)
      const slot = accessedSlot(entry.flags)
      if (!wanted.hasSlot(ofFrame, slot)) return true
      wanted.removeSlot(ofFrame, slot)
      if (step === STEP_STORE) regs[frame]! |= 1 << code.src[insn]!
      return true
    }
    case STEP_COMPARE: {
      const both = dst | (1 << code.src[insn]!)
      if ((regs[frame]! & both) === 0) return true
      const flags = entry === undefined ? 0 : entry.flags
      if ((flags & RIGHT_IS_STACK) === 0) regs[frame]! |= 1 << code.src[insn]!
      if ((flags & LEFT_IS_STACK) === 0) regs[frame]! |= dst
      return true
    }
    case STEP_CALL_LOCAL:
      return stepOutOf(env, wanted, insn, next)
    case STEP_CALL:
    case STEP_TAIL_CALL:
      return stepOverCall(env, wanted, step, insn, next)
    case STEP_EXIT:
      return stepInto(env, wanted, next)
    case STEP_LOAD_PACKET:
      if (next !== insn + 1) return stepOverCall(env, wanted, step, insn, next)
      return (regs[frame]! & dst) === 0
    default:
      return true
  }
}

/** Backwards out of a function, over its call; or over the call of a global function, which was not walked. */
function stepOutOf(env: Environment, wanted: Wanted, insn: number, next: number): boolean {
  const { regs, frame } = wanted
  const target = env.insns[insn]!
  if (target.kind !== 'call') return false
  const callee = env.subprograms[env.subprogramOf[insn + 1 + target.imm]!]!
  if (callee.linkage !== 'static') {
    if (next !== insn + 1 || (regs[frame]! & ARGUMENTS) !== 0) return false
    regs[frame]! &= ~R0
    return true
  }
  const wants = regs[frame]!
  if (frame === 0 || (wants & ~ARGUMENTS) !== 0 || hasSlots(wanted)) return false
  regs[frame] = 0
  wanted.frame = frame - 1
  regs[frame - 1]! |= wants
  return true
}

/** Over the call of a helper; or out of a callback, whose arguments the helper made. */
function stepOverCall(env: Environment, wanted: Wanted, step: number, insn: number, next: number): boolean {
  const { regs, frame } = wanted
  if (next !== insn + 1 && env.hasFlag(insn, INSN_CALLS_CALLBACK)) {
    if (frame === 0 || (regs[frame]! & ~ARGUMENTS) !== 0 || hasSlots(wanted)) return false
    regs[frame] = 0
    wanted.frame = frame - 1
    return true
  }
  regs[frame]! &= ~R0
  if ((regs[frame]! & ARGUMENTS) !== 0) return false
  // A tail call that succeeds returns to the caller, and a packet load that fails.
  if ((step === STEP_TAIL_CALL || step === STEP_LOAD_PACKET) && next !== insn + 1) return enter(wanted)
  return true
}

/** Backwards into a function, at its exit. */
function stepInto(env: Environment, wanted: Wanted, next: number): boolean {
  const { regs, frame } = wanted
  if (next >= 0 && env.hasFlag(next, INSN_CALLS_CALLBACK)) regs[frame]! &= ~ARGUMENTS
  if ((regs[frame]! & ARGUMENTS) !== 0) return false
  // Control came back behind the call, or, from a callback, to the call itself: a callback's r0 goes to the helper.
  const wantsResult = next >= 1 && env.exploration.code.steps[next - 1] === STEP_CALL_LOCAL && (regs[frame]! & R0) !== 0
  regs[frame]! &= ~R0
  if (!enter(wanted)) return false
  if (wantsResult) regs[frame + 1]! |= R0
  return true
}

function enter(wanted: Wanted): boolean {
  if (wanted.frame + 1 === MAX_FRAMES) return false
  wanted.frame++
  return true
}

function hasSlots(wanted: Wanted): boolean {
  return (wanted.slotsLow[wanted.frame]! | wanted.slotsHigh[wanted.frame]!) !== 0
}

/** The frame pointer is no scalar. */
function wantRegister(wanted: Wanted, regno: number): void {
  if (regno !== 10) wanted.regs[wanted.frame]! |= 1 << regno
}

function wantLinked(wanted: Wanted, linked: readonly number[]): void {
  let any = false
  for (const one of linked) {
    const frame = linkedFrame(one)
    const index = linkedIndex(one)
    any ||= isLinkedRegister(one) ? (wanted.regs[frame]! & (1 << index)) !== 0 : wanted.hasSlot(frame, index)
  }
  if (!any) return
  for (const one of linked) {
    if (isLinkedRegister(one)) wanted.regs[linkedFrame(one)]! |= 1 << linkedIndex(one)
    else wanted.addSlot(linkedFrame(one), linkedIndex(one))
  }
}
