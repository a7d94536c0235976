/**
 * The stack of a frame: where bytes lie in slots, how it grows, and which offsets may be touched at all. Reads, writes
 * and buffers that helpers are given have files of their own.
 *
 * ```
 *  fp-16                   fp-8                    fp
 *    | 0 1 2 3 4 5 6 7 8 |   0 1 2 3 4 5 6 7       |
 *    slot 1                  slot 0
 * ```
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */

import type { Environment } from '../environment.ts'
import { markStackRead } from '../explore/stack-liveness.ts'
import { reject } from '../rejection.ts'
import { type Frame, INVALID_SLOT, type Reg, type StackSlot } from '../state.ts'
import { checkFastcallStack } from '../structure/fastcall.ts'
import {
  STACK_DYNPTR,
  STACK_INVALID,
  STACK_IRQ_FLAG,
  STACK_ITER,
  STACK_MISC,
  STACK_SPILL,
  STACK_ZERO,
} from '../types.ts'
import { MAX_VARIABLE_OFFSET } from './region.ts'
import { tnumText } from './text.ts'

export const SLOT_BYTES = 8
export const MAX_STACK = 512

/** Slot of the byte at `off`, a negative offset from the frame pointer. */
export function slotOf(off: number): number {
  return (-off - 1) >> 3
}

/** Place in its slot of the byte at `off`, 0 to 7 from the lowest address. */
export function placeOf(off: number): number {
  return off & 7
}

/** The frame that a stack pointer points into. */
export function frameOf(env: Environment, reg: Reg): Frame {
  return env.cur.frames[reg.aux]!
}

/** Nibbles of `size` bytes from place `from`. */
function nibbles(from: number, size: number): number {
  const low = size >= SLOT_BYTES ? -1 : (1 << (size * 4)) - 1
  return low << (from * 4)
}

/** `bytes` with `kind` in `size` places from `from`. */
export function withKind(bytes: number, from: number, size: number, kind: number): number {
  const mask = nibbles(from, size)
  return (bytes & ~mask) | (Math.imul(kind, 0x11111111) & mask)
}

/** Whether all `size` places from `from` are of this kind. */
export function allOfKind(bytes: number, from: number, size: number, kind: number): boolean {
  return ((bytes ^ Math.imul(kind, 0x11111111)) & nibbles(from, size)) === 0
}

/** What is left of a slot's bytes when what it held as a whole is gone: those that were written hold something. */
export function scrubbed(bytes: number): number {
  let result = bytes
  for (let place = 0; place < SLOT_BYTES; place++) {
    if (((bytes >>> (place * 4)) & 0xf) !== STACK_INVALID) result = withKind(result, place, 1, STACK_MISC)
  }
  return result
}

/** The slot holds something that only makes sense as a whole. */
export function isSpecial(slot: StackSlot): boolean {
  const kind = slot.bytes & 0xf
  return kind === STACK_SPILL || kind === STACK_DYNPTR || kind === STACK_ITER || kind === STACK_IRQ_FLAG
}

/** The byte may be read as plain data. */
export function isReadable(env: Environment, kind: number): boolean {
  return (
    kind === STACK_MISC || kind === STACK_ZERO || (kind === STACK_INVALID && env.permissions.allowUninitialisedStack)
  )
}

/** Makes the frame at least `size` bytes deep. */
function growStack(env: Environment, frame: Frame, size: number): void {
  const slots = (size + SLOT_BYTES - 1) >> 3
  if (frame.stack.length >= slots) return
  const { stack, subprogno } = env.cur.writable(frame.frameno)
  while (stack.length < slots) stack.push(INVALID_SLOT)
  const subprogram = env.subprograms[subprogno]!
  if (subprogram.stackDepth < slots * SLOT_BYTES) subprogram.stackDepth = slots * SLOT_BYTES
}

/**
 * `size` bytes at `off` (with the pointer's fixed offset) plus the pointer's variable offset lie in the stack; makes it
 * as deep as they reach.
 */
export function checkStackBounds(
  env: Environment,
  regno: number,
  off: number,
  size: number,
  access: 'read' | 'write',
): void {
  const reg = env.cur.reg(regno)
  const frame = frameOf(env, reg)
  const { scalar } = reg
  let min: number
  let end: number
  if (scalar.isConstant) {
    min = scalar.constant + off
    end = min + size
  } else {
    if (scalar.smax >= MAX_VARIABLE_OFFSET || scalar.smin <= -MAX_VARIABLE_OFFSET) {
      reject('unbounded', `invalid unbounded variable-offset${direction(access)} stack R${regno}`, {
        regno,
        off,
        size,
        access,
      })
    }
    min = scalar.smin + off
    end = scalar.smax + off + size
  }
  // A trusted author may read what was never written: as deep as the stack may get.
  const deepest =
    access === 'write' || env.permissions.allowUninitialisedStack ? -MAX_STACK : -frame.stack.length * SLOT_BYTES
  if (min < deepest || min > -1 || end > 0 || size < 0) {
    const message = scalar.isConstant
      ? `invalid${direction(access)} stack R${regno} off=${off} size=${size}`
      : `invalid variable-offset${direction(access)} stack R${regno} var_off=${tnumText(scalar)} off=${off} size=${size}`
    // Within the stack, and deeper than anything that was written.
    const isUnwritten = min >= -MAX_STACK && min <= -1 && end <= 0 && size >= 0
    reject(isUnwritten ? 'uninitialised_stack' : 'stack_bounds', message, { regno, off, size, access })
  }
  checkFastcallStack(env, frame.subprogno, env.insn, min)
  growStack(env, frame, -min)
}

/** As messages say it. */
function direction(access: 'read' | 'write'): string {
  return access === 'read' ? ' read from' : ' write to'
}

/** Tells liveness that a slot was read. */
export function markSlotRead(env: Environment, frameno: number, spi: number): void {
  if (spi < 32) markStackRead(env, frameno, 1 << spi, 0)
  else markStackRead(env, frameno, 0, 1 << (spi - 32))
}
