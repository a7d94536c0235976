/**
 * Shifts by a known count.
 *
 * A shift is computed on the bits and on the bounds of its own width. The bounds of the other width follow from the
 * bits, but for one idiom: `<< 32`, with which compilers begin a sign extension, carries the low half's signed bounds up.
 * @module
 */
import { arsh64, lsh64, rsh64 } from '../../util/int64.ts'
import type { Scalar } from './scalar.ts'
import { tnumArsh, tnumLsh, tnumRsh } from './tnum.ts'
import {
  MASK_HIGH,
  MASK_LOW,
  S32MAX,
  S32MIN,
  SMAX_HIGH,
  SMAX_LOW,
  SMIN_HIGH,
  SMIN_LOW,
  tighten32ByBits,
  U32MAX,
  U32MIN,
  UMAX_LOW,
  UMIN_LOW,
  unbound32,
  unboundSigned,
  unboundSigned32,
  unboundUnsigned,
  unboundUnsigned32,
  VALUE_HIGH,
  VALUE_LOW,
  work,
} from './work.ts'

/** Puts bits and bounds of `s` shifted by `count`, which is less than the width, in the work area. */
export function shift(op: 'lsh' | 'rsh' | 'arsh', width: 32 | 64, s: Scalar, count: number): void {
  if (width === 64) {
    if (op === 'lsh') shiftLeft(s, count)
    else if (op === 'rsh') shiftRight(s, count)
    else shiftRightSigned(s, count)
    return
  }
  work[VALUE_HIGH] = 0
  work[MASK_HIGH] = 0
  if (op === 'lsh') {
    work[VALUE_LOW] = s.valueLow << count
    work[MASK_LOW] = s.maskLow << count
    lowBoundsLeft(s, count)
  } else if (op === 'rsh') {
    work[VALUE_LOW] = s.valueLow >>> count
    work[MASK_LOW] = s.maskLow >>> count
    work[U32MIN] = s.u32min >>> count
    work[U32MAX] = s.u32max >>> count
    unboundSigned32()
  } else {
    work[VALUE_LOW] = s.valueLow >> count
    work[MASK_LOW] = s.maskLow >> count
    work[S32MIN] = s.s32min >> count
    work[S32MAX] = s.s32max >> count
    unboundUnsigned32()
  }
  // The 64-bit bounds are taken from the 32-bit ones before all parts are brought together: so these must be good now.
  tighten32ByBits()
}

/** Unsigned bounds hold if no bit that may be set is lost. */
function lowBoundsLeft(s: Scalar, count: number): void {
  unboundSigned32()
  if (count > 31 || s.u32max >>> 0 > 2 ** (31 - count)) {
    unboundUnsigned32()
  } else {
    work[U32MIN] = s.u32min << count
    work[U32MAX] = s.u32max << count
  }
}

function shiftLeft(s: Scalar, count: number): void {
  tnumLsh(work, s.valueLow, s.valueHigh, s.maskLow, s.maskHigh, count)
  unboundSigned()
  if (count === 32) {
    work[SMIN_LOW] = 0
    work[SMIN_HIGH] = s.s32min
    work[SMAX_LOW] = 0
    work[SMAX_HIGH] = s.s32max
  }
  const room = 63 - count
  const limitHigh = room >= 32 ? 1 << (room - 32) : 0
  const limitLow = room >= 32 ? 0 : 1 << room
  if (s.umaxHigh === limitHigh ? s.umaxLow >>> 0 > limitLow >>> 0 : s.umaxHigh >>> 0 > limitHigh >>> 0) {
    unboundUnsigned()
  } else {
    lsh64(work, UMIN_LOW, s.uminLow, s.uminHigh, count)
    lsh64(work, UMAX_LOW, s.umaxLow, s.umaxHigh, count)
  }
  lowBoundsLeft(s, count)
}

function shiftRight(s: Scalar, count: number): void {
  tnumRsh(work, s.valueLow, s.valueHigh, s.maskLow, s.maskHigh, count)
  unboundSigned()
  rsh64(work, UMIN_LOW, s.uminLow, s.uminHigh, count)
  rsh64(work, UMAX_LOW, s.umaxLow, s.umaxHigh, count)
  unbound32()
}

function shiftRightSigned(s: Scalar, count: number): void {
  tnumArsh(work, s.valueLow, s.valueHigh, s.maskLow, s.maskHigh, count)
  unboundUnsigned()
  arsh64(work, SMIN_LOW, s.sminLow, s.sminHigh, count)
  arsh64(work, SMAX_LOW, s.smaxLow, s.smaxHigh, count)
  unbound32()
}
