/**
 * The short way to synchronise a small number: one that cannot be 2^31 or more.
 *
 * Most numbers of real programs are lengths, offsets and indices. All their bounds end equal, signed or not, of 64 or of
 * 32 bits, so one look is as good as the rounds of refine.ts (and takes a fifth of their time, measured). What is rare
 * is left to them.
 * @module
 */
import { constantOf, Scalar } from './scalar.ts'
import { upTo } from './tnum.ts'
import {
  MASK_HIGH,
  MASK_LOW,
  S32MAX,
  S32MIN,
  SMAX_HIGH,
  SMAX_LOW,
  SMIN_HIGH,
  SMIN_LOW,
  U32MAX,
  U32MIN,
  UMAX_HIGH,
  UMAX_LOW,
  UMIN_HIGH,
  UMIN_LOW,
  VALUE_HIGH,
  VALUE_LOW,
  work,
} from './work.ts'

const MIN32 = -2147483648
const MAX32 = 2147483647

/**
 * The scalar in the work area, synchronised (`like`, if it comes out equal to it); undefined where it is not small, where
 * it may be a constant after all, and where its parts contradict each other. The work area stays as it is.
 */
export function synchroniseSmall(like: Scalar | undefined): Scalar | undefined {
  const parts = work
  const maskHigh = parts[MASK_HIGH]!
  let value = parts[VALUE_LOW]!
  let mask = parts[MASK_LOW]!
  let min = parts[UMIN_LOW]!
  if ((parts[VALUE_HIGH]! | parts[UMIN_HIGH]!) !== 0 || (min | value) < 0) return undefined
  if (min < value) min = value
  let max = parts[UMAX_LOW]!
  const bounded = parts[UMAX_HIGH]! === 0 && max >= 0
  const most = value | (mask & MAX32)
  if (maskHigh === 0 && mask >= 0) {
    if (!bounded || max > most) max = most
  } else if (!bounded) {
    return undefined
  }
  // If the bounds leave one number with these bits, it is a constant: not for here.
  if (!hasTwo(value, mask, min, max)) return undefined
  if (max > most) max = most

  // The last step of a round gives the whole number the bounds of its low half. What the signed bounds knew before
  // counts only where the low half learns it: where they are less than 2^32 apart, hence with these high halves.
  const sminHigh = parts[SMIN_HIGH]!
  const sminLow = parts[SMIN_LOW]!
  const smaxHigh = parts[SMAX_HIGH]!
  const smaxLow = parts[SMAX_LOW]!
  if (sminHigh > 0 || smaxHigh < 0 || maskHigh === MIN32 || (sminHigh === 0 && sminLow < 0)) return undefined
  if (smaxHigh === 0) {
    if (smaxLow >= 0 && max > smaxLow && (maskHigh >= 0 || sminHigh === 0 || (sminHigh === -1 && sminLow < 0))) {
      max = smaxLow
    }
    if (sminHigh === 0 && min < sminLow) min = sminLow
  } else if (maskHigh === 0 && sminHigh === 0 && min < sminLow) {
    min = sminLow
  }
  const u32min = parts[U32MIN]!
  const u32max = parts[U32MAX]!
  if (u32min < 0) return undefined
  if (min < u32min) min = u32min
  if (u32max >= 0 && max > u32max) max = u32max
  if (min < parts[S32MIN]!) min = parts[S32MIN]!
  if (max > parts[S32MAX]!) max = parts[S32MAX]!
  if (min > max) return undefined

  // The bounds say which bits are known, and these once more how far the bounds can reach.
  const open = upTo(min ^ max)
  mask &= open
  value = (value | (min & ~open)) & ~mask
  if (min < value) min = value
  if (max > (value | mask)) max = value | mask
  if (mask === 0) return min === value && max === value ? constantOf(value) : undefined
  if (!hasTwo(value, mask, min, max)) return undefined
  if (
    like !== undefined &&
    like.umaxLow === max &&
    like.uminLow === min &&
    like.maskLow === mask &&
    like.valueLow === value &&
    like.smaxLow === max &&
    like.sminLow === min &&
    like.u32max === max &&
    like.u32min === min &&
    like.s32max === max &&
    like.s32min === min &&
    (like.umaxHigh | like.uminHigh | like.maskHigh | like.valueHigh | like.smaxHigh | like.sminHigh) === 0
  ) {
    return like
  }
  return new Scalar(value, 0, mask, 0, min, 0, max, 0, min, 0, max, 0, min, max, min, max)
}

/** `min` has these bits, and so has a greater number up to `max`: both are below 2^31, and so is `value`. */
function hasTwo(value: number, mask: number, min: number, max: number): boolean {
  if ((min & ~mask) !== value || min >= max) return false
  // Counting in the unknown bits alone: with all others set, the carry runs through them.
  const next = value | ((((min - value) | ~mask) + 1) & mask & MAX32)
  return next > min && next <= max
}
