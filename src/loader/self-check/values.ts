/**
 * Concrete numbers against what is known of them: the one question of the soundness check, in its plainest form. Nothing
 * here is taken from the verifier's own arithmetic, so a mistake there cannot hide itself.
 * @module
 */
import type { Scalar } from '../../verifier/domain/scalar.ts'

/** Whether the number with these halves is one of those that `s` stands for: its bits, and all eight bounds. */
export function scalarContains(s: Scalar, low: number, high: number): boolean {
  return (
    ((low ^ s.valueLow) & ~s.maskLow) === 0 &&
    ((high ^ s.valueHigh) & ~s.maskHigh) === 0 &&
    low >>> 0 >= s.u32min >>> 0 &&
    low >>> 0 <= s.u32max >>> 0 &&
    low >= s.s32min &&
    low <= s.s32max &&
    atMostUnsigned(s.uminLow, s.uminHigh, low, high) &&
    atMostUnsigned(low, high, s.umaxLow, s.umaxHigh) &&
    atMostSigned(s.sminLow, s.sminHigh, low, high) &&
    atMostSigned(low, high, s.smaxLow, s.smaxHigh)
  )
}

/** Which part of `s` does not hold of the number, for messages; empty if all do. */
export function brokenBounds(s: Scalar, low: number, high: number): string {
  const broken: string[] = []
  const bits = ((low ^ s.valueLow) & ~s.maskLow) === 0 && ((high ^ s.valueHigh) & ~s.maskHigh) === 0
  if (!bits) broken.push('bits')
  if (low >>> 0 < s.u32min >>> 0) broken.push('umin32')
  if (low >>> 0 > s.u32max >>> 0) broken.push('umax32')
  if (low < s.s32min) broken.push('smin32')
  if (low > s.s32max) broken.push('smax32')
  if (!atMostUnsigned(s.uminLow, s.uminHigh, low, high)) broken.push('umin')
  if (!atMostUnsigned(low, high, s.umaxLow, s.umaxHigh)) broken.push('umax')
  if (!atMostSigned(s.sminLow, s.sminHigh, low, high)) broken.push('smin')
  if (!atMostSigned(low, high, s.smaxLow, s.smaxHigh)) broken.push('smax')
  return broken.join(', ')
}

function atMostUnsigned(aLow: number, aHigh: number, bLow: number, bHigh: number): boolean {
  return aHigh === bHigh ? aLow >>> 0 <= bLow >>> 0 : aHigh >>> 0 < bHigh >>> 0
}

function atMostSigned(aLow: number, aHigh: number, bLow: number, bHigh: number): boolean {
  return aHigh === bHigh ? aLow >>> 0 <= bLow >>> 0 : aHigh < bHigh
}

/** `0x…`, all 64 bits. */
export function hex64(low: number, high: number): string {
  return `0x${((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)).toString(16)}`
}
