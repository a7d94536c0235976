/**
 * Reads of the stack: a slot that holds a spilled register gives it back, other bytes give zero or an unknown number.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
import type { Environment } from '../environment.ts'
import { pushHistory, stackAccess } from '../explore/history.ts'
import { reject } from '../rejection.ts'
import { constantReg, type Reg, type StackSlot, UNKNOWN_SCALAR } from '../state.ts'
import { SCALAR_VALUE, STACK_SPILL, STACK_ZERO } from '../types.ts'
import { checkStackRange } from './helper-stack.ts'
import { isPointerValue, markUnknown, widthOf } from './registers.ts'
import { allOfKind, frameOf, isReadable, markSlotRead, placeOf, SLOT_BYTES, slotOf } from './stack.ts'
import { tnumText } from './text.ts'

/** Reads `size` bytes at `off` plus the variable offset of R`regno` into R`valueRegno` (-1: into none). Bounds were checked. */
export function readStack(env: Environment, regno: number, off: number, size: number, valueRegno: number): void {
  const reg = env.cur.reg(regno)
  if (reg.scalar.isConstant) {
    readAt(env, reg.aux, off + reg.scalar.constant, size, valueRegno)
    return
  }
  if (valueRegno < 0) {
    reject(
      'variable_offset',
      `variable offset stack pointer cannot be passed into helper function; var_off=${tnumText(reg.scalar)} off=${off} size=${size}`,
      { regno, off, size },
    )
  }
  checkStackRange(env, regno, off, size, false, 'read', undefined)
  fillFromBytes(env, frameOf(env, reg).stack, reg.scalar.smin + off, reg.scalar.smax + off + size, valueRegno)
}

/** How many bytes of the register were spilled: those from the lowest one on. */
function spillSize(slot: StackSlot): number {
  let size = 1
  while (size < SLOT_BYTES && slot.byte(size) === STACK_SPILL) size++
  return size
}

/** The bytes that are read are the low ones of the register that was spilled. */
function isLowPart(env: Environment, off: number, size: number, spilled: number): boolean {
  return placeOf(env.program.byteOrder === 'big' ? off - (spilled - size) : off) === 0
}

function readAt(env: Environment, frameno: number, off: number, size: number, valueRegno: number): void {
  const spi = slotOf(off)
  const slot = env.cur.frames[frameno]!.stack[spi]!
  markSlotRead(env, frameno, spi)
  if (!slot.isSpill) {
    checkBytes(env, slot, off, size)
    if (valueRegno >= 0) {
      const zero = allOfKind(slot.bytes, placeOf(off), size, STACK_ZERO)
      env.cur.setReg(valueRegno, zero ? constantReg(0) : UNKNOWN_SCALAR)
    }
    return
  }
  const { reg } = slot
  if (size === SLOT_BYTES && allOfKind(slot.bytes, 0, SLOT_BYTES, STACK_SPILL)) {
    if (valueRegno >= 0) env.cur.setReg(valueRegno, reg)
    else if (isPointerValue(env, reg)) {
      // Nothing takes the value as what it is: it would be used as a number.
      reject('pointer_leak', `leaking pointer from stack off ${off}`, { frameno, off })
    }
  } else {
    if (reg.type !== SCALAR_VALUE) {
      reject('corrupt_spill', 'invalid size of register fill', { frameno, off, size })
    }
    if (valueRegno < 0 || !fillPart(env, slot, off, size, valueRegno)) return
  }
  pushHistory(env, env.cur, stackAccess(frameno, spi), undefined)
}

/** A part of a slot that begins with a spilled scalar. Gives whether the value is that of the spilled register. */
function fillPart(env: Environment, slot: StackSlot, off: number, size: number, valueRegno: number): boolean {
  const { reg } = slot
  const spilled = spillSize(slot)
  if (size <= spilled && isLowPart(env, off, size, spilled)) {
    env.cur.setReg(valueRegno, widthOf(reg) > size * 8 ? reg.unlinked() : reg)
    return true
  }
  checkBytes(env, slot, off, size)
  const place = placeOf(off)
  if (allOfKind(slot.bytes, place, size, STACK_SPILL) && reg.scalar.isZero) {
    env.cur.setReg(valueRegno, constantReg(0))
    return true
  }
  if (allOfKind(slot.bytes, place, size, STACK_ZERO)) env.cur.setReg(valueRegno, constantReg(0))
  else markUnknown(env, valueRegno)
  return false
}

/** Each of the bytes may be read; those of a spilled register too, in a slot that begins with one. */
function checkBytes(env: Environment, slot: StackSlot, off: number, size: number): void {
  const place = placeOf(off)
  const { isSpill } = slot
  for (let i = 0; i < size; i++) {
    const kind = slot.byte(place + i)
    if ((kind === STACK_SPILL && isSpill) || isReadable(env, kind)) continue
    reject('uninitialised_stack', `invalid read from stack off ${off}+${i} size ${size}`, { off, size, byte: i })
  }
}

/** What a read from somewhere in a range gives: zero if all of it is zero. */
function fillFromBytes(
  env: Environment,
  stack: readonly StackSlot[],
  min: number,
  end: number,
  valueRegno: number,
): void {
  let value: Reg = constantReg(0)
  for (let at = min; at < end; at++) {
    if (stack[slotOf(at)]!.byte(placeOf(at)) === STACK_ZERO) continue
    value = UNKNOWN_SCALAR
    break
  }
  env.cur.setReg(valueRegno, value)
}
