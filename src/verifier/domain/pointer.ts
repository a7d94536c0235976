/**
 * The variable part of a pointer's offset, moved by a scalar.
 *
 * Pointers carry no bounds of a low half, and an unsigned bound is lost as soon as either end overflows: Linux is less
 * precise here than it is for scalars.
 * @module
 */
import { addSignedBounds, subtractSignedBounds } from './bounds.ts'
import { synchronise } from './refine.ts'
import type { Scalar } from './scalar.ts'
import { tnumAdd, tnumSub } from './tnum.ts'
import { UMAX_HIGH, UMAX_LOW, UMIN_HIGH, UMIN_LOW, unbound32, unboundUnsigned, work } from './work.ts'

const TWO_32 = 4294967296

/** The variable offset of `pointer + by`. */
export function movePointer(pointer: Scalar, by: Scalar): Scalar {
  if (by.isZero) return pointer
  tnumAdd(
    work,
    pointer.valueLow,
    pointer.valueHigh,
    pointer.maskLow,
    pointer.maskHigh,
    by.valueLow,
    by.valueHigh,
    by.maskLow,
    by.maskHigh,
  )
  addSignedBounds(pointer, by)
  const minLow = (pointer.uminLow + by.uminLow) | 0
  const minHigh = (pointer.uminHigh >>> 0) + (by.uminHigh >>> 0) + (minLow >>> 0 < by.uminLow >>> 0 ? 1 : 0)
  const maxLow = (pointer.umaxLow + by.umaxLow) | 0
  const maxHigh = (pointer.umaxHigh >>> 0) + (by.umaxHigh >>> 0) + (maxLow >>> 0 < by.umaxLow >>> 0 ? 1 : 0)
  if (minHigh >= TWO_32 || maxHigh >= TWO_32) {
    unboundUnsigned()
  } else {
    work[UMIN_LOW] = minLow
    work[UMIN_HIGH] = minHigh
    work[UMAX_LOW] = maxLow
    work[UMAX_HIGH] = maxHigh
  }
  unbound32()
  return synchronise(pointer)
}

/** The variable offset of `pointer - by`. */
export function movePointerBack(pointer: Scalar, by: Scalar): Scalar {
  if (by.isZero) return pointer
  tnumSub(
    work,
    pointer.valueLow,
    pointer.valueHigh,
    pointer.maskLow,
    pointer.maskHigh,
    by.valueLow,
    by.valueHigh,
    by.maskLow,
    by.maskHigh,
  )
  subtractSignedBounds(pointer, by)
  const minHigh = (pointer.uminHigh >>> 0) - (by.umaxHigh >>> 0) - (pointer.uminLow >>> 0 < by.umaxLow >>> 0 ? 1 : 0)
  if (minHigh < 0) {
    unboundUnsigned()
  } else {
    work[UMIN_LOW] = pointer.uminLow - by.umaxLow
    work[UMIN_HIGH] = minHigh
    work[UMAX_LOW] = pointer.umaxLow - by.uminLow
    work[UMAX_HIGH] =
      (pointer.umaxHigh >>> 0) - (by.uminHigh >>> 0) - (pointer.umaxLow >>> 0 < by.uminLow >>> 0 ? 1 : 0)
  }
  unbound32()
  return synchronise(pointer)
}
