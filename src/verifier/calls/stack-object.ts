/**
 * Objects that live on the stack of a program but that only functions may touch: dynptrs, iterators, saved interrupt
 * state. Where a pointer to one points, in slots.
 * @module
 */
import type { Environment } from '../environment.ts'
import { markStackWritten } from '../explore/stack-liveness.ts'
import { type Frame, INVALID_SLOT, type Reg, StackSlot, slotBytes } from '../state.ts'
import { fixedOffset } from './pointers.ts'

/** `stackObjectSlot`: no object can be there; `messages` says why. */
export const NOWHERE = -1
/** `stackObjectSlot`: the stack was never touched there. */
export const UNTOUCHED = -2

/**
 * The slot with the lowest address of an object of `slots` slots that a stack pointer points to: the highest number. Or
 * NOWHERE, with Linux's words for it in `messages`, or UNTOUCHED.
 */
export function stackObjectSlot(
  env: Environment,
  reg: Reg,
  what: 'dynptr' | 'iter' | 'irq_flag',
  slots: number,
  messages: string[],
): number {
  if (!reg.scalar.isConstant) {
    messages.push(`${what} has to be at a constant offset`)
    return NOWHERE
  }
  const off = fixedOffset(reg)
  const spi = Math.floor((-off - 1) / 8)
  if (off % 8 !== 0 || spi + 1 < slots) {
    messages.push(`cannot pass in ${what} at an offset=${off}`)
    return NOWHERE
  }
  return spi < stackFrame(env, reg).stack.length ? spi : UNTOUCHED
}

/** The frame that a stack pointer points into. */
export function stackFrame(env: Environment, reg: Reg): Frame {
  return env.cur.frames[reg.aux]!
}

/** All eight bytes of the slot are of this kind. */
export function isWholly(frame: Frame, spi: number, kind: number): boolean {
  return (frame.stack[spi] ?? INVALID_SLOT).bytes === slotBytes(kind)
}

/** The first byte of the slot is of this kind: such objects are never there in part. */
export function begins(frame: Frame, spi: number, kind: number): boolean {
  return ((frame.stack[spi] ?? INVALID_SLOT).bytes & 0xf) === kind
}

export function writeSlot(env: Environment, frameno: number, spi: number, kind: number, reg: Reg): void {
  env.cur.writable(frameno).stack[spi] = new StackSlot(slotBytes(kind), reg)
  markSlotWritten(env, frameno, spi)
}

/** Nothing is there any more. */
export function clearSlot(env: Environment, frameno: number, spi: number): void {
  env.cur.writable(frameno).stack[spi] = INVALID_SLOT
  markSlotWritten(env, frameno, spi)
}

function markSlotWritten(env: Environment, frameno: number, spi: number): void {
  if (spi < 32) markStackWritten(env, frameno, 1 << spi, 0)
  else markStackWritten(env, frameno, 0, 1 << (spi - 32))
}
