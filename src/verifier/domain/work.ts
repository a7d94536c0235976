/**
 * The scalar under construction: sixteen integers, so that nothing is allocated but the result.
 *
 * A transfer function writes the parts of its result here, and `synchronise` (refine.ts) makes the scalar. Nothing else
 * runs between the two, hence one area is enough.
 * @module
 */
import { constantOf, constantPair, Scalar } from './scalar.ts'

const MIN32 = -2147483648
const MAX32 = 2147483647

/** Where each part lies in {@link work}; the names and the order are those of the fields of {@link Scalar}. */
export const VALUE_LOW = 0
export const VALUE_HIGH = 1
export const MASK_LOW = 2
export const MASK_HIGH = 3
export const UMIN_LOW = 4
export const UMIN_HIGH = 5
export const UMAX_LOW = 6
export const UMAX_HIGH = 7
export const SMIN_LOW = 8
export const SMIN_HIGH = 9
export const SMAX_LOW = 10
export const SMAX_HIGH = 11
export const U32MIN = 12
export const U32MAX = 13
export const S32MIN = 14
export const S32MAX = 15

/** The scalar under construction. */
export const work = new Int32Array(16)

export function load(s: Scalar): void {
  work[VALUE_LOW] = s.valueLow
  work[VALUE_HIGH] = s.valueHigh
  work[MASK_LOW] = s.maskLow
  work[MASK_HIGH] = s.maskHigh
  load64(s)
  load32(s)
}

/** The 64-bit bounds of `s`. */
export function load64(s: Scalar): void {
  work[UMIN_LOW] = s.uminLow
  work[UMIN_HIGH] = s.uminHigh
  work[UMAX_LOW] = s.umaxLow
  work[UMAX_HIGH] = s.umaxHigh
  work[SMIN_LOW] = s.sminLow
  work[SMIN_HIGH] = s.sminHigh
  work[SMAX_LOW] = s.smaxLow
  work[SMAX_HIGH] = s.smaxHigh
}

/** The 32-bit bounds of `s`. */
export function load32(s: Scalar): void {
  work[U32MIN] = s.u32min
  work[U32MAX] = s.u32max
  work[S32MIN] = s.s32min
  work[S32MAX] = s.s32max
}

export function unboundUnsigned(): void {
  work[UMIN_LOW] = 0
  work[UMIN_HIGH] = 0
  work[UMAX_LOW] = -1
  work[UMAX_HIGH] = -1
}

export function unboundSigned(): void {
  work[SMIN_LOW] = 0
  work[SMIN_HIGH] = MIN32
  work[SMAX_LOW] = -1
  work[SMAX_HIGH] = MAX32
}

export function unbound64(): void {
  unboundUnsigned()
  unboundSigned()
}

export function unboundUnsigned32(): void {
  work[U32MIN] = 0
  work[U32MAX] = -1
}

export function unboundSigned32(): void {
  work[S32MIN] = MIN32
  work[S32MAX] = MAX32
}

export function unbound32(): void {
  unboundUnsigned32()
  unboundSigned32()
}

/** Takes the tnum's word for the 32-bit bounds, where it knows better. */
export function tighten32ByBits(): void {
  const value = work[VALUE_LOW]!
  const mask = work[MASK_LOW]!
  const least = value | (mask & MIN32)
  const most = value | (mask & MAX32)
  if (work[S32MIN]! < least) work[S32MIN] = least
  if (work[S32MAX]! > most) work[S32MAX] = most
  if (work[U32MIN]! >>> 0 < value >>> 0) work[U32MIN] = value
  if (work[U32MAX]! >>> 0 > (value | mask) >>> 0) work[U32MAX] = value | mask
}

/** The 64-bit bounds that a number has whose high half is zero and whose low half is as the work area says. */
export function zeroExtendBounds(): void {
  work[VALUE_HIGH] = 0
  work[MASK_HIGH] = 0
  work[UMIN_LOW] = work[U32MIN]!
  work[UMIN_HIGH] = 0
  work[UMAX_LOW] = work[U32MAX]!
  work[UMAX_HIGH] = 0
  const positive = work[S32MIN]! >= 0 && work[S32MAX]! >= 0
  work[SMIN_LOW] = positive ? work[S32MIN]! : 0
  work[SMIN_HIGH] = 0
  work[SMAX_LOW] = positive ? work[S32MAX]! : -1
  work[SMAX_HIGH] = 0
}

/** Narrows the bits in the work area. */
export function intersectBits(valueLow: number, valueHigh: number, maskLow: number, maskHigh: number): void {
  const low = work[MASK_LOW]! & maskLow
  const high = work[MASK_HIGH]! & maskHigh
  work[VALUE_LOW] = (work[VALUE_LOW]! | valueLow) & ~low
  work[VALUE_HIGH] = (work[VALUE_HIGH]! | valueHigh) & ~high
  work[MASK_LOW] = low
  work[MASK_HIGH] = high
}

/** Narrows the 64-bit bounds in the work area to those of `s`. */
export function intersect64(s: Scalar): void {
  const uminHigh = work[UMIN_HIGH]!
  if (uminHigh === s.uminHigh ? work[UMIN_LOW]! >>> 0 < s.uminLow >>> 0 : uminHigh >>> 0 < s.uminHigh >>> 0) {
    work[UMIN_LOW] = s.uminLow
    work[UMIN_HIGH] = s.uminHigh
  }
  const umaxHigh = work[UMAX_HIGH]!
  if (umaxHigh === s.umaxHigh ? work[UMAX_LOW]! >>> 0 > s.umaxLow >>> 0 : umaxHigh >>> 0 > s.umaxHigh >>> 0) {
    work[UMAX_LOW] = s.umaxLow
    work[UMAX_HIGH] = s.umaxHigh
  }
  const sminHigh = work[SMIN_HIGH]!
  if (sminHigh === s.sminHigh ? work[SMIN_LOW]! >>> 0 < s.sminLow >>> 0 : sminHigh < s.sminHigh) {
    work[SMIN_LOW] = s.sminLow
    work[SMIN_HIGH] = s.sminHigh
  }
  const smaxHigh = work[SMAX_HIGH]!
  if (smaxHigh === s.smaxHigh ? work[SMAX_LOW]! >>> 0 > s.smaxLow >>> 0 : smaxHigh > s.smaxHigh) {
    work[SMAX_LOW] = s.smaxLow
    work[SMAX_HIGH] = s.smaxHigh
  }
}

/** Narrows the 32-bit bounds in the work area to those of `s`. */
export function intersect32(s: Scalar): void {
  if (work[U32MIN]! >>> 0 < s.u32min >>> 0) work[U32MIN] = s.u32min
  if (work[U32MAX]! >>> 0 > s.u32max >>> 0) work[U32MAX] = s.u32max
  if (work[S32MIN]! < s.s32min) work[S32MIN] = s.s32min
  if (work[S32MAX]! > s.s32max) work[S32MAX] = s.s32max
}

/** The scalar in the work area as it stands; its parts need not agree. */
export function finish(): Scalar {
  return new Scalar(
    work[VALUE_LOW]!,
    work[VALUE_HIGH]!,
    work[MASK_LOW]!,
    work[MASK_HIGH]!,
    work[UMIN_LOW]!,
    work[UMIN_HIGH]!,
    work[UMAX_LOW]!,
    work[UMAX_HIGH]!,
    work[SMIN_LOW]!,
    work[SMIN_HIGH]!,
    work[SMAX_LOW]!,
    work[SMAX_HIGH]!,
    work[U32MIN]!,
    work[U32MAX]!,
    work[S32MIN]!,
    work[S32MAX]!,
  )
}

/** The constant in the work area's bits. */
export function constantOfBits(): Scalar {
  return work[VALUE_HIGH]! === work[VALUE_LOW]! >> 31
    ? constantOf(work[VALUE_LOW]!)
    : constantPair(work[VALUE_LOW]!, work[VALUE_HIGH]!)
}
