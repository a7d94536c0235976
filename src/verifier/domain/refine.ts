/**
 * Making the parts of a scalar agree: what the bits say of the bounds, the bounds of the bits, 64 of 32 bits and back,
 * signed of unsigned and back.
 *
 * How much each step learns, and how often the steps are repeated, is as in Linux 6.18 (`reg_bounds_sync`): a verdict
 * may depend on a bound that one more round would have improved.
 * @see https://docs.kernel.org/bpf/verifier.html#register-value-tracking
 * @module
 */
import { constantOf, Scalar, UNKNOWN } from './scalar.ts'
import { upTo } from './tnum.ts'
import {
  finish,
  intersect32,
  intersect64,
  intersectBits,
  load,
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
  unbound32,
  unbound64,
  VALUE_HIGH,
  VALUE_LOW,
  work,
} from './work.ts'

const MIN32 = -2147483648
const MAX32 = 2147483647

/** High half of what {@link stepLow} found. */
let stepHigh = 0

/** The least number above z, which is not below the tnum's least and is below its greatest, that has the tnum's bits. */
function stepLow(
  zLow: number,
  zHigh: number,
  valueLow: number,
  valueHigh: number,
  maskLow: number,
  maskHigh: number,
): number {
  const low = (zLow - valueLow) | 0
  const high = (zHigh - valueHigh - (zLow >>> 0 < valueLow >>> 0 ? 1 : 0)) | 0
  // Below the highest bit that no number with these bits has, z does not count.
  const fillHigh = upTo(high & ~maskHigh)
  const fillLow = fillHigh === 0 ? upTo(low & ~maskLow) : -1
  const filledLow = low | fillLow | ~maskLow
  const filledHigh = high | fillHigh | ~maskHigh
  stepHigh = valueHigh | ((filledHigh + (filledLow === -1 ? 1 : 0)) & maskHigh)
  return valueLow | ((filledLow + 1) & maskLow)
}

/**
 * The scalar in the work area, synchronised. If it comes out equal to `like`, then `like` itself, so that callers see by
 * reference that nothing changed.
 */
export function synchronise(like: Scalar | undefined): Scalar {
  let valueLow = work[VALUE_LOW]!
  let valueHigh = work[VALUE_HIGH]!
  let maskLow = work[MASK_LOW]!
  let maskHigh = work[MASK_HIGH]!
  let uminLow = work[UMIN_LOW]!
  let uminHigh = work[UMIN_HIGH]!
  let umaxLow = work[UMAX_LOW]!
  let umaxHigh = work[UMAX_HIGH]!
  let sminLow = work[SMIN_LOW]!
  let sminHigh = work[SMIN_HIGH]!
  let smaxLow = work[SMAX_LOW]!
  let smaxHigh = work[SMAX_HIGH]!
  let u32min = work[U32MIN]!
  let u32max = work[U32MAX]!
  let s32min = work[S32MIN]!
  let s32max = work[S32MAX]!

  for (let last = false; ; last = true) {
    // The bits say: at least with all unknown bits zero, at most with all of them one (the sign the other way round).
    const low = valueLow | maskLow
    let high = valueHigh | (maskHigh & MIN32)
    if (sminHigh === high ? sminLow >>> 0 < valueLow >>> 0 : sminHigh < high) {
      sminLow = valueLow
      sminHigh = high
    }
    high = valueHigh | (maskHigh & MAX32)
    if (smaxHigh === high ? smaxLow >>> 0 > low >>> 0 : smaxHigh > high) {
      smaxLow = low
      smaxHigh = high
    }
    if (uminHigh === valueHigh ? uminLow >>> 0 < valueLow >>> 0 : uminHigh >>> 0 < valueHigh >>> 0) {
      uminLow = valueLow
      uminHigh = valueHigh
    }
    high = valueHigh | maskHigh
    if (umaxHigh === high ? umaxLow >>> 0 > low >>> 0 : umaxHigh >>> 0 > high >>> 0) {
      umaxLow = low
      umaxHigh = high
    }
    if (u32min >>> 0 < valueLow >>> 0) u32min = valueLow
    if (u32max >>> 0 > low >>> 0) u32max = low
    high = valueLow | (maskLow & MIN32)
    if (s32min < high) s32min = high
    high = valueLow | (maskLow & MAX32)
    if (s32max > high) s32max = high

    // Bits and unsigned range together: if just one number has these bits and lies in the range, it is that one. The
    // next number with these bits after `umin` is found by counting in the unknown bits alone: with all others set, the
    // carry runs through them.
    const least = (uminLow & ~maskLow) === valueLow && (uminHigh & ~maskHigh) === valueHigh
    high = valueHigh | maskHigh
    let nextLow = low
    let nextHigh = high
    if (uminHigh === high ? uminLow >>> 0 < low >>> 0 : uminHigh >>> 0 < high >>> 0) {
      nextLow = stepLow(uminLow, uminHigh, valueLow, valueHigh, maskLow, maskHigh)
      nextHigh = stepHigh
    }
    const beyond = umaxHigh === nextHigh ? umaxLow >>> 0 < nextLow >>> 0 : umaxHigh >>> 0 < nextHigh >>> 0
    let only = false
    if (least) {
      if (beyond) {
        nextLow = uminLow
        nextHigh = uminHigh
        only = true
      }
    } else if (nextLow === low && nextHigh === high) {
      only = true
    } else if (!beyond) {
      const afterLow = stepLow(nextLow, nextHigh, valueLow, valueHigh, maskLow, maskHigh)
      only = umaxHigh === stepHigh ? umaxLow >>> 0 < afterLow >>> 0 : umaxHigh >>> 0 < stepHigh >>> 0
    }
    if (only) {
      valueLow = uminLow = umaxLow = sminLow = smaxLow = u32min = u32max = s32min = s32max = nextLow
      valueHigh = uminHigh = umaxHigh = sminHigh = smaxHigh = nextHigh
      maskLow = maskHigh = 0
    }
    if (last) break

    for (let round = 0; round < 3; round++) {
      let changed = false

      // 64 to 32 bits. Between two numbers with equal high halves, the low half runs from the one's to the other's.
      if (uminHigh === umaxHigh) {
        if (u32min >>> 0 < uminLow >>> 0) {
          u32min = uminLow
          changed = true
        }
        if (u32max >>> 0 > umaxLow >>> 0) {
          u32max = umaxLow
          changed = true
        }
        if (uminLow <= umaxLow) {
          if (s32min < uminLow) {
            s32min = uminLow
            changed = true
          }
          if (s32max > umaxLow) {
            s32max = umaxLow
            changed = true
          }
        }
      } else if (((uminHigh + 1) | 0) === umaxHigh && uminLow < 0 && umaxLow >= 0) {
        // From 0x…ffffffxx to 0x…000000xx of the next: the low half passes through zero as a signed number does.
        if (s32min < uminLow) {
          s32min = uminLow
          changed = true
        }
        if (s32max > umaxLow) {
          s32max = umaxLow
          changed = true
        }
      }
      if (sminHigh === smaxHigh) {
        if (sminLow >>> 0 <= smaxLow >>> 0) {
          if (u32min >>> 0 < sminLow >>> 0) {
            u32min = sminLow
            changed = true
          }
          if (u32max >>> 0 > smaxLow >>> 0) {
            u32max = smaxLow
            changed = true
          }
        }
        if (sminLow <= smaxLow) {
          if (s32min < sminLow) {
            s32min = sminLow
            changed = true
          }
          if (s32max > smaxLow) {
            s32max = smaxLow
            changed = true
          }
        }
      } else if (((sminHigh + 1) | 0) === smaxHigh && sminLow < 0 && smaxLow >= 0) {
        if (s32min < sminLow) {
          s32min = sminLow
          changed = true
        }
        if (s32max > smaxLow) {
          s32max = smaxLow
          changed = true
        }
      }

      // 32 bits, signed and unsigned: a range that does not wrap in the other reading holds in both.
      if (u32min <= u32max) {
        if (s32min < u32min) {
          s32min = u32min
          changed = true
        }
        if (s32max > u32max) {
          s32max = u32max
          changed = true
        }
      }
      if (s32min >>> 0 <= s32max >>> 0) {
        if (u32min >>> 0 < s32min >>> 0) {
          u32min = s32min
          changed = true
        }
        if (u32max >>> 0 > s32max >>> 0) {
          u32max = s32max
          changed = true
        }
      } else if (u32max >>> 0 < s32min >>> 0) {
        // The signed range has a part at each end of the unsigned numbers, and the unsigned range meets only the lower.
        s32min = u32min
        if (u32max >>> 0 > s32max >>> 0) u32max = s32max
        changed = true
      } else if (s32max >>> 0 < u32min >>> 0) {
        // Only the upper.
        s32max = u32max
        if (u32min >>> 0 < s32min >>> 0) u32min = s32min
        changed = true
      }

      // 64 bits, likewise.
      if (uminHigh === umaxHigh ? uminLow >>> 0 <= umaxLow >>> 0 : uminHigh < umaxHigh) {
        if (sminHigh === uminHigh ? sminLow >>> 0 < uminLow >>> 0 : sminHigh < uminHigh) {
          sminLow = uminLow
          sminHigh = uminHigh
          changed = true
        }
        if (smaxHigh === umaxHigh ? smaxLow >>> 0 > umaxLow >>> 0 : smaxHigh > umaxHigh) {
          smaxLow = umaxLow
          smaxHigh = umaxHigh
          changed = true
        }
      }
      if (sminHigh === smaxHigh ? sminLow >>> 0 <= smaxLow >>> 0 : sminHigh >>> 0 < smaxHigh >>> 0) {
        if (uminHigh === sminHigh ? uminLow >>> 0 < sminLow >>> 0 : uminHigh >>> 0 < sminHigh >>> 0) {
          uminLow = sminLow
          uminHigh = sminHigh
          changed = true
        }
        if (umaxHigh === smaxHigh ? umaxLow >>> 0 > smaxLow >>> 0 : umaxHigh >>> 0 > smaxHigh >>> 0) {
          umaxLow = smaxLow
          umaxHigh = smaxHigh
          changed = true
        }
      } else if (umaxHigh === sminHigh ? umaxLow >>> 0 < sminLow >>> 0 : umaxHigh >>> 0 < sminHigh >>> 0) {
        sminLow = uminLow
        sminHigh = uminHigh
        if (umaxHigh === smaxHigh ? umaxLow >>> 0 > smaxLow >>> 0 : umaxHigh >>> 0 > smaxHigh >>> 0) {
          umaxLow = smaxLow
          umaxHigh = smaxHigh
        }
        changed = true
      } else if (smaxHigh === uminHigh ? smaxLow >>> 0 < uminLow >>> 0 : smaxHigh >>> 0 < uminHigh >>> 0) {
        smaxLow = umaxLow
        smaxHigh = umaxHigh
        if (uminHigh === sminHigh ? uminLow >>> 0 < sminLow >>> 0 : uminHigh >>> 0 < sminHigh >>> 0) {
          uminLow = sminLow
          uminHigh = sminHigh
        }
        changed = true
      }

      // 32 to 64 bits: the low half of a bound is no better than the bound of the low half.
      if (uminLow >>> 0 < u32min >>> 0) {
        uminLow = u32min
        changed = true
      }
      if (umaxLow >>> 0 > u32max >>> 0) {
        umaxLow = u32max
        changed = true
      }
      if (sminLow >>> 0 < u32min >>> 0) {
        sminLow = u32min
        changed = true
      }
      if (smaxLow >>> 0 > u32max >>> 0) {
        smaxLow = u32max
        changed = true
      }

      // Sign-extended, and the low half is not negative: then nor is the whole.
      if (
        s32min >= 0 &&
        (sminHigh >= 0 || (sminHigh === -1 && sminLow < 0)) &&
        (smaxHigh < 0 || (smaxHigh === 0 && smaxLow >= 0))
      ) {
        const signHigh = s32max >> 31
        if (
          sminLow !== s32min ||
          sminHigh !== 0 ||
          smaxLow !== s32max ||
          smaxHigh !== signHigh ||
          uminLow !== s32min ||
          uminHigh !== 0 ||
          umaxLow !== s32max ||
          umaxHigh !== signHigh
        ) {
          sminLow = s32min
          sminHigh = 0
          smaxLow = s32max
          smaxHigh = signHigh
          uminLow = s32min
          uminHigh = 0
          umaxLow = s32max
          umaxHigh = signHigh
          changed = true
        }
        const rangeHigh = upTo(signHigh)
        const rangeLow = rangeHigh === 0 ? upTo(s32min ^ s32max) : -1
        maskLow &= rangeLow
        maskHigh &= rangeHigh
        valueLow = (valueLow | (s32min & ~rangeLow)) & ~maskLow
        valueHigh &= ~maskHigh
      }
      if (!changed) break
    }

    // The bounds say: the bits above the highest one in which the bounds differ are known.
    const rangeHigh = upTo(uminHigh ^ umaxHigh)
    const rangeLow = rangeHigh === 0 ? upTo(uminLow ^ umaxLow) : -1
    maskHigh &= rangeHigh
    valueHigh = (valueHigh | (uminHigh & ~rangeHigh)) & ~maskHigh
    maskLow &= rangeLow
    valueLow = (valueLow | (uminLow & ~rangeLow)) & ~maskLow
    const range32 = upTo(u32min ^ u32max)
    maskLow &= range32
    valueLow = (valueLow | (u32min & ~range32)) & ~maskLow
  }

  if (
    like !== undefined &&
    like.umaxLow === umaxLow &&
    like.uminLow === uminLow &&
    like.maskLow === maskLow &&
    like.valueLow === valueLow &&
    like.valueHigh === valueHigh &&
    like.maskHigh === maskHigh &&
    like.uminHigh === uminHigh &&
    like.umaxHigh === umaxHigh &&
    like.sminLow === sminLow &&
    like.sminHigh === sminHigh &&
    like.smaxLow === smaxLow &&
    like.smaxHigh === smaxHigh &&
    like.u32min === u32min &&
    like.u32max === u32max &&
    like.s32min === s32min &&
    like.s32max === s32max
  ) {
    return like
  }
  if (
    (maskLow & maskHigh) === -1 &&
    (uminLow | uminHigh | u32min) === 0 &&
    (umaxLow & umaxHigh & u32max) === -1 &&
    (sminLow | (s32min ^ sminHigh)) === 0 &&
    sminHigh === MIN32 &&
    smaxLow === -1 &&
    smaxHigh === MAX32 &&
    s32max === MAX32
  ) {
    return UNKNOWN
  }
  if ((maskLow | maskHigh | valueHigh) === 0 && valueLow >>> 0 < 256) {
    const small = constantOf(valueLow)
    if (
      ((uminLow ^ valueLow) |
        uminHigh |
        (umaxLow ^ valueLow) |
        umaxHigh |
        (sminLow ^ valueLow) |
        sminHigh |
        (smaxLow ^ valueLow) |
        smaxHigh |
        (u32min ^ valueLow) |
        (u32max ^ valueLow) |
        (s32min ^ valueLow) |
        (s32max ^ valueLow)) ===
      0
    ) {
      return small
    }
  }
  return new Scalar(
    valueLow,
    valueHigh,
    maskLow,
    maskHigh,
    uminLow,
    uminHigh,
    umaxLow,
    umaxHigh,
    sminLow,
    sminHigh,
    smaxLow,
    smaxHigh,
    u32min,
    u32max,
    s32min,
    s32max,
  )
}

/** `s` once more synchronised: `s` itself, unless its parts can still learn from each other. */
export function resynchronise(s: Scalar): Scalar {
  load(s)
  return synchronise(s)
}

/**
 * No part contradicts another. A scalar that does describes no number: it stands on a branch that cannot be taken, but
 * which the comparison could not exclude.
 */
export function isConsistent(s: Scalar): boolean {
  if (s.uminHigh === s.umaxHigh ? s.uminLow >>> 0 > s.umaxLow >>> 0 : s.uminHigh >>> 0 > s.umaxHigh >>> 0) {
    return false
  }
  if (s.sminHigh === s.smaxHigh ? s.sminLow >>> 0 > s.smaxLow >>> 0 : s.sminHigh > s.smaxHigh) return false
  if (s.u32min >>> 0 > s.u32max >>> 0 || s.s32min > s.s32max) return false
  if (s.maskLow !== 0) return true
  const low = s.valueLow
  if (s.u32min !== low || s.u32max !== low || s.s32min !== low || s.s32max !== low) return false
  if (s.maskHigh !== 0) return true
  const high = s.valueHigh
  return (
    s.uminLow === low &&
    s.umaxLow === low &&
    s.sminLow === low &&
    s.smaxLow === low &&
    s.uminHigh === high &&
    s.umaxHigh === high &&
    s.sminHigh === high &&
    s.smaxHigh === high
  )
}

/** `s`; where its parts contradict each other, its bits without bounds, as Linux goes on with such a register. */
export function withoutContradiction(s: Scalar): Scalar {
  if (isConsistent(s)) return s
  load(s)
  unbound64()
  unbound32()
  return finish()
}

const TWO_32 = 4294967296

/** Bounds as numbers, inclusive; each an integer of at most 53 bits. */
export interface Bounds {
  readonly smin?: number
  readonly smax?: number
  readonly umin?: number
  readonly umax?: number
}

/** A number of which nothing else is known but that it lies within `bounds`. */
export function scalarBetween(bounds: Bounds): Scalar {
  return within(UNKNOWN, bounds)
}

/** What is known of a number if it lies within `bounds` besides: `s` itself if that is nothing new. */
export function within(s: Scalar, bounds: Bounds): Scalar {
  load(s)
  const { smin, smax, umin, umax } = bounds
  if (smin !== undefined && smin > s.smin) {
    work[SMIN_LOW] = smin | 0
    work[SMIN_HIGH] = Math.floor(smin / TWO_32)
  }
  if (smax !== undefined && smax < s.smax) {
    work[SMAX_LOW] = smax | 0
    work[SMAX_HIGH] = Math.floor(smax / TWO_32)
  }
  if (umin !== undefined && umin > s.umin) {
    work[UMIN_LOW] = umin | 0
    work[UMIN_HIGH] = Math.floor(umin / TWO_32)
  }
  if (umax !== undefined && umax < s.umax) {
    work[UMAX_LOW] = umax | 0
    work[UMAX_HIGH] = Math.floor(umax / TWO_32)
  }
  return synchronise(s)
}

/** What is known of a number if it lies from `umin` to `umax`, unsigned, besides. */
export function withUnsignedRange(s: Scalar, umin: number, umax: number): Scalar {
  return within(s, { umin, umax })
}

/** What is known of a number if it lies from `smin` to `smax`, signed, besides. */
export function withSignedRange(s: Scalar, smin: number, smax: number): Scalar {
  return within(s, { smin, smax })
}

/** What is known of a number if its bits are, besides, those of this tnum. */
export function withTnum(s: Scalar, valueLow: number, valueHigh: number, maskLow: number, maskHigh: number): Scalar {
  load(s)
  intersectBits(valueLow, valueHigh, maskLow, maskHigh)
  return synchronise(s)
}

/** What is known of a number of which both `a` and `b` are known. */
export function intersect(a: Scalar, b: Scalar): Scalar {
  if (a === b) return a
  load(a)
  intersectBits(b.valueLow, b.valueHigh, b.maskLow, b.maskHigh)
  intersect64(b)
  intersect32(b)
  return synchronise(a)
}
