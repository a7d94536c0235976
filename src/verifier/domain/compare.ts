/**
 * Relations between scalars: containment, equality, alignment.
 * @module
 */
import type { Scalar } from './scalar.ts'

/** Every number that `cur` describes, `old` describes too, by bounds and by bits. */
export function isWithin(cur: Scalar, old: Scalar): boolean {
  return (
    cur === old ||
    // Unsigned order.
    ((old.uminHigh === cur.uminHigh
      ? old.uminLow >>> 0 <= cur.uminLow >>> 0
      : old.uminHigh >>> 0 < cur.uminHigh >>> 0) &&
      (old.umaxHigh === cur.umaxHigh
        ? old.umaxLow >>> 0 >= cur.umaxLow >>> 0
        : old.umaxHigh >>> 0 > cur.umaxHigh >>> 0) &&
      // Signed order.
      (old.sminHigh === cur.sminHigh ? old.sminLow >>> 0 <= cur.sminLow >>> 0 : old.sminHigh < cur.sminHigh) &&
      (old.smaxHigh === cur.smaxHigh ? old.smaxLow >>> 0 >= cur.smaxLow >>> 0 : old.smaxHigh > cur.smaxHigh) &&
      old.u32min >>> 0 <= cur.u32min >>> 0 &&
      old.u32max >>> 0 >= cur.u32max >>> 0 &&
      old.s32min <= cur.s32min &&
      old.s32max >= cur.s32max &&
      // What is known of the old bits holds of the current ones.
      (cur.maskLow & ~old.maskLow) === 0 &&
      (cur.maskHigh & ~old.maskHigh) === 0 &&
      (cur.valueLow & ~old.maskLow) === old.valueLow &&
      (cur.valueHigh & ~old.maskHigh) === old.valueHigh)
  )
}

/** All sixteen parts are equal. */
export function sameScalar(a: Scalar, b: Scalar): boolean {
  return (
    a === b ||
    (a.valueLow === b.valueLow &&
      a.valueHigh === b.valueHigh &&
      a.maskLow === b.maskLow &&
      a.maskHigh === b.maskHigh &&
      a.uminLow === b.uminLow &&
      a.uminHigh === b.uminHigh &&
      a.umaxLow === b.umaxLow &&
      a.umaxHigh === b.umaxHigh &&
      a.sminLow === b.sminLow &&
      a.sminHigh === b.sminHigh &&
      a.smaxLow === b.smaxLow &&
      a.smaxHigh === b.smaxHigh &&
      a.u32min === b.u32min &&
      a.u32max === b.u32max &&
      a.s32min === b.s32min &&
      a.s32max === b.s32max)
  )
}

/** `s + extra` is certainly a multiple of `size`, a power of two of at most 32 bits, by the bits of `s`; 0 is always met. */
export function isAligned(s: Scalar, extra: number, size: number): boolean {
  // Low bits of a sum come from low bits: those of `s` that are not known must lie above `size`.
  const low = (s.valueLow + extra) | 0
  return size === 0 || ((low | s.maskLow) & (size - 1)) === 0
}
