/**
 * Making the parts of a scalar agree: what the bits say of the bounds, the bounds of the bits, 64 of 32 bits and back,
 * signed of unsigned and back.
 *
 * How much each step learns, and how often the steps are repeated, is as in Linux 6.18 (`reg_bounds_sync`): a verdict
 * may depend on a bound that one more round would have improved.
 * @see https://docs.kernel.org/bpf/verifier.html#register-value-tracking
 * @module
 */
import { type Scalar, UNKNOWN, UNKNOWN_32 } from './scalar.ts'
import { synchroniseSmall } from './small.ts'
import { upTo } from './tnum.ts'
import {
  constantOfBits,
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
  tighten32ByBits,
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

/**
 * The scalar in the work area, synchronised. If it comes out equal to `like`, then `like` itself, so that callers see by
 * reference that nothing changed.
 */
export function synchronise(like: Scalar | undefined): Scalar {
  if (isUnbounded()) return UNKNOWN
  return synchroniseSmall(like) ?? synchroniseInRounds(like)
}

/** The long way, open to every number. */
export function synchroniseInRounds(like: Scalar | undefined): Scalar {
  tightenByBits()
  let rounds = 3
  while (rounds-- > 0 && deduce()) {}
  learnBits()
  tightenByBits()
  return result(like)
}

/** Nothing at all is known of the number in the work area. */
function isUnbounded(): boolean {
  return (
    (work[MASK_LOW]! & work[MASK_HIGH]! & work[UMAX_LOW]! & work[UMAX_HIGH]! & work[SMAX_LOW]! & work[U32MAX]!) ===
      -1 &&
    (work[UMIN_LOW]! | work[UMIN_HIGH]! | work[SMIN_LOW]! | work[U32MIN]!) === 0 &&
    work[SMIN_HIGH]! === MIN32 &&
    work[SMAX_HIGH]! === MAX32 &&
    work[S32MIN]! === MIN32 &&
    work[S32MAX]! === MAX32
  )
}

/** The bits say: at least with all unknown bits zero, at most with all of them one; for the sign, the other way round. */
function tightenByBits(): void {
  const valueLow = work[VALUE_LOW]!
  const valueHigh = work[VALUE_HIGH]!
  const maskLow = work[MASK_LOW]!
  const maskHigh = work[MASK_HIGH]!
  tighten32ByBits()

  const mostLow = valueLow | maskLow
  const leastSigned = valueHigh | (maskHigh & MIN32)
  const sminHigh = work[SMIN_HIGH]!
  if (sminHigh === leastSigned ? work[SMIN_LOW]! >>> 0 < valueLow >>> 0 : sminHigh < leastSigned) {
    work[SMIN_LOW] = valueLow
    work[SMIN_HIGH] = leastSigned
  }
  const mostSigned = valueHigh | (maskHigh & MAX32)
  const smaxHigh = work[SMAX_HIGH]!
  if (smaxHigh === mostSigned ? work[SMAX_LOW]! >>> 0 > mostLow >>> 0 : smaxHigh > mostSigned) {
    work[SMAX_LOW] = mostLow
    work[SMAX_HIGH] = mostSigned
  }
  let uminLow = work[UMIN_LOW]!
  let uminHigh = work[UMIN_HIGH]!
  if (uminHigh === valueHigh ? uminLow >>> 0 < valueLow >>> 0 : uminHigh >>> 0 < valueHigh >>> 0) {
    work[UMIN_LOW] = uminLow = valueLow
    work[UMIN_HIGH] = uminHigh = valueHigh
  }
  const mostHigh = valueHigh | maskHigh
  let umaxLow = work[UMAX_LOW]!
  let umaxHigh = work[UMAX_HIGH]!
  if (umaxHigh === mostHigh ? umaxLow >>> 0 > mostLow >>> 0 : umaxHigh >>> 0 > mostHigh >>> 0) {
    work[UMAX_LOW] = umaxLow = mostLow
    work[UMAX_HIGH] = umaxHigh = mostHigh
  }

  // Bits and unsigned range together: if just one number has these bits and lies in the range, it is that one.
  if ((uminLow & ~maskLow) === valueLow && (uminHigh & ~maskHigh) === valueHigh) {
    // Mostly the next number has them too: that is seen at once.
    const isNext = (maskLow & 1) !== 0 && (uminLow & 1) === 0
    if (isNext && (uminHigh === umaxHigh ? uminLow >>> 0 < umaxLow >>> 0 : uminHigh >>> 0 < umaxHigh >>> 0)) return
    onlyFirst(uminLow, uminHigh, umaxLow, umaxHigh, mostLow, mostHigh)
  } else {
    onlyLater(uminLow, uminHigh, umaxLow, umaxHigh, mostLow, mostHigh)
  }
}

/** `umin` has the bits: it is the only one if the next that has them lies beyond `umax`. */
function onlyFirst(
  uminLow: number,
  uminHigh: number,
  umaxLow: number,
  umaxHigh: number,
  mostLow: number,
  mostHigh: number,
): void {
  let nextLow = mostLow
  let nextHigh = mostHigh
  if (uminHigh === mostHigh ? uminLow >>> 0 < mostLow >>> 0 : uminHigh >>> 0 < mostHigh >>> 0) {
    nextLow = nextWithBits(uminLow, uminHigh)
    nextHigh = nextWithBitsHigh
  }
  if (umaxHigh === nextHigh ? umaxLow >>> 0 < nextLow >>> 0 : umaxHigh >>> 0 < nextHigh >>> 0) {
    setConstant(uminLow, uminHigh)
  }
}

/** `umin` has not the bits: the next that has them is the only one, if it is the last or the one after lies beyond `umax`. */
function onlyLater(
  uminLow: number,
  uminHigh: number,
  umaxLow: number,
  umaxHigh: number,
  mostLow: number,
  mostHigh: number,
): void {
  if (!(uminHigh === mostHigh ? uminLow >>> 0 < mostLow >>> 0 : uminHigh >>> 0 < mostHigh >>> 0)) {
    setConstant(mostLow, mostHigh)
    return
  }
  const low = nextWithBits(uminLow, uminHigh)
  const high = nextWithBitsHigh
  if (low === mostLow && high === mostHigh) {
    setConstant(low, high)
  } else if (umaxHigh === high ? umaxLow >>> 0 >= low >>> 0 : umaxHigh >>> 0 > high >>> 0) {
    const afterLow = nextWithBits(low, high)
    const afterHigh = nextWithBitsHigh
    if (umaxHigh === afterHigh ? umaxLow >>> 0 < afterLow >>> 0 : umaxHigh >>> 0 < afterHigh >>> 0) {
      setConstant(low, high)
    }
  }
}

/** High half of what {@link nextWithBits} found. */
let nextWithBitsHigh = 0

/**
 * The least number with the work area's bits that is above z, which is not below the least such number and is below the
 * greatest. It is found by counting in the unknown bits alone: with all others set, the carry runs through them.
 */
function nextWithBits(zLow: number, zHigh: number): number {
  const valueLow = work[VALUE_LOW]!
  const valueHigh = work[VALUE_HIGH]!
  const maskLow = work[MASK_LOW]!
  const maskHigh = work[MASK_HIGH]!
  const low = (zLow - valueLow) | 0
  const high = (zHigh - valueHigh - (zLow >>> 0 < valueLow >>> 0 ? 1 : 0)) | 0
  // Below the highest bit that z has and that no such number has, z does not count.
  const fillHigh = upTo(high & ~maskHigh)
  const fillLow = fillHigh === 0 ? upTo(low & ~maskLow) : -1
  const filledLow = low | fillLow | ~maskLow
  const filledHigh = high | fillHigh | ~maskHigh
  nextWithBitsHigh = valueHigh | ((filledHigh + (filledLow === -1 ? 1 : 0)) & maskHigh)
  return valueLow | ((filledLow + 1) & maskLow)
}

function setConstant(low: number, high: number): void {
  work[VALUE_LOW] = low
  work[VALUE_HIGH] = high
  work[MASK_LOW] = 0
  work[MASK_HIGH] = 0
  work[UMIN_LOW] = low
  work[UMIN_HIGH] = high
  work[UMAX_LOW] = low
  work[UMAX_HIGH] = high
  work[SMIN_LOW] = low
  work[SMIN_HIGH] = high
  work[SMAX_LOW] = low
  work[SMAX_HIGH] = high
  work[U32MIN] = low
  work[U32MAX] = low
  work[S32MIN] = low
  work[S32MAX] = low
}

/** One round in which the bounds learn from each other; false if none learnt anything. */
function deduce(): boolean {
  // No short circuit: every step runs, in this order.
  const low = deduceLowHalf()
  const signs32 = deduceSigns32()
  const signs64 = deduceSigns64()
  const whole = deduceWhole()
  return low || signs32 || signs64 || whole
}

/** Narrows the unsigned bounds of the low half to `min` to `max`. */
function narrowUnsigned32(min: number, max: number): boolean {
  let changed = false
  if (work[U32MIN]! >>> 0 < min >>> 0) {
    work[U32MIN] = min
    changed = true
  }
  if (work[U32MAX]! >>> 0 > max >>> 0) {
    work[U32MAX] = max
    changed = true
  }
  return changed
}

function narrowSigned32(min: number, max: number): boolean {
  let changed = false
  if (work[S32MIN]! < min) {
    work[S32MIN] = min
    changed = true
  }
  if (work[S32MAX]! > max) {
    work[S32MAX] = max
    changed = true
  }
  return changed
}

function narrowUnsigned64(minLow: number, minHigh: number, maxLow: number, maxHigh: number): boolean {
  let changed = false
  const uminHigh = work[UMIN_HIGH]!
  if (uminHigh === minHigh ? work[UMIN_LOW]! >>> 0 < minLow >>> 0 : uminHigh >>> 0 < minHigh >>> 0) {
    work[UMIN_LOW] = minLow
    work[UMIN_HIGH] = minHigh
    changed = true
  }
  const umaxHigh = work[UMAX_HIGH]!
  if (umaxHigh === maxHigh ? work[UMAX_LOW]! >>> 0 > maxLow >>> 0 : umaxHigh >>> 0 > maxHigh >>> 0) {
    work[UMAX_LOW] = maxLow
    work[UMAX_HIGH] = maxHigh
    changed = true
  }
  return changed
}

function narrowSigned64(minLow: number, minHigh: number, maxLow: number, maxHigh: number): boolean {
  let changed = false
  const sminHigh = work[SMIN_HIGH]!
  if (sminHigh === minHigh ? work[SMIN_LOW]! >>> 0 < minLow >>> 0 : sminHigh < minHigh) {
    work[SMIN_LOW] = minLow
    work[SMIN_HIGH] = minHigh
    changed = true
  }
  const smaxHigh = work[SMAX_HIGH]!
  if (smaxHigh === maxHigh ? work[SMAX_LOW]! >>> 0 > maxLow >>> 0 : smaxHigh > maxHigh) {
    work[SMAX_LOW] = maxLow
    work[SMAX_HIGH] = maxHigh
    changed = true
  }
  return changed
}

/**
 * From 64 to 32 bits: between two numbers with equal high halves, the low half runs from the one's to the other's. From
 * 0x…ffffffxx to 0x…000000xx of the next, it passes through zero as a signed number does.
 */
function deduceLowHalf(): boolean {
  let changed = false
  const uminLow = work[UMIN_LOW]!
  const umaxLow = work[UMAX_LOW]!
  const uminHigh = work[UMIN_HIGH]!
  const umaxHigh = work[UMAX_HIGH]!
  if (uminHigh === umaxHigh) {
    changed = narrowUnsigned32(uminLow, umaxLow)
    if (uminLow <= umaxLow && narrowSigned32(uminLow, umaxLow)) changed = true
  } else if (((uminHigh + 1) | 0) === umaxHigh && uminLow < 0 && umaxLow >= 0) {
    changed = narrowSigned32(uminLow, umaxLow)
  }
  const sminLow = work[SMIN_LOW]!
  const smaxLow = work[SMAX_LOW]!
  const sminHigh = work[SMIN_HIGH]!
  const smaxHigh = work[SMAX_HIGH]!
  if (sminHigh === smaxHigh) {
    if (sminLow >>> 0 <= smaxLow >>> 0 && narrowUnsigned32(sminLow, smaxLow)) changed = true
    if (sminLow <= smaxLow && narrowSigned32(sminLow, smaxLow)) changed = true
  } else if (((sminHigh + 1) | 0) === smaxHigh && sminLow < 0 && smaxLow >= 0) {
    if (narrowSigned32(sminLow, smaxLow)) changed = true
  }
  return changed
}

/**
 * Signed and unsigned bounds of the low half: a range that does not wrap in the other reading holds in both. A signed
 * range that does has a part at each end of the unsigned numbers; where the unsigned range meets only one of them,
 * both shrink to that.
 */
function deduceSigns32(): boolean {
  let changed = false
  if (work[U32MIN]! <= work[U32MAX]!) changed = narrowSigned32(work[U32MIN]!, work[U32MAX]!)
  const s32min = work[S32MIN]!
  const s32max = work[S32MAX]!
  if (s32min >>> 0 <= s32max >>> 0) {
    if (narrowUnsigned32(s32min, s32max)) changed = true
  } else if (work[U32MAX]! >>> 0 < s32min >>> 0) {
    work[S32MIN] = work[U32MIN]!
    if (work[U32MAX]! >>> 0 > s32max >>> 0) work[U32MAX] = s32max
    changed = true
  } else if (s32max >>> 0 < work[U32MIN]! >>> 0) {
    work[S32MAX] = work[U32MAX]!
    if (work[U32MIN]! >>> 0 < s32min >>> 0) work[U32MIN] = s32min
    changed = true
  }
  return changed
}

/** The same for the whole number. */
function deduceSigns64(): boolean {
  let changed = false
  const uminLow = work[UMIN_LOW]!
  const uminHigh = work[UMIN_HIGH]!
  const umaxLow = work[UMAX_LOW]!
  const umaxHigh = work[UMAX_HIGH]!
  if (uminHigh === umaxHigh ? uminLow >>> 0 <= umaxLow >>> 0 : uminHigh < umaxHigh) {
    changed = narrowSigned64(uminLow, uminHigh, umaxLow, umaxHigh)
  }
  const sminLow = work[SMIN_LOW]!
  const sminHigh = work[SMIN_HIGH]!
  const smaxLow = work[SMAX_LOW]!
  const smaxHigh = work[SMAX_HIGH]!
  if (sminHigh === smaxHigh ? sminLow >>> 0 <= smaxLow >>> 0 : sminHigh >>> 0 < smaxHigh >>> 0) {
    if (narrowUnsigned64(sminLow, sminHigh, smaxLow, smaxHigh)) changed = true
  } else if (umaxHigh === sminHigh ? umaxLow >>> 0 < sminLow >>> 0 : umaxHigh >>> 0 < sminHigh >>> 0) {
    work[SMIN_LOW] = uminLow
    work[SMIN_HIGH] = uminHigh
    narrowUnsigned64(uminLow, uminHigh, smaxLow, smaxHigh)
    changed = true
  } else if (smaxHigh === uminHigh ? smaxLow >>> 0 < uminLow >>> 0 : smaxHigh >>> 0 < uminHigh >>> 0) {
    work[SMAX_LOW] = umaxLow
    work[SMAX_HIGH] = umaxHigh
    narrowUnsigned64(sminLow, sminHigh, umaxLow, umaxHigh)
    changed = true
  }
  return changed
}

/** From 32 to 64 bits: the low half of a bound is no better than the bound of the low half. */
function deduceWhole(): boolean {
  let changed = false
  const u32min = work[U32MIN]!
  const u32max = work[U32MAX]!
  if (work[UMIN_LOW]! >>> 0 < u32min >>> 0) {
    work[UMIN_LOW] = u32min
    changed = true
  }
  if (work[UMAX_LOW]! >>> 0 > u32max >>> 0) {
    work[UMAX_LOW] = u32max
    changed = true
  }
  if (work[SMIN_LOW]! >>> 0 < u32min >>> 0) {
    work[SMIN_LOW] = u32min
    changed = true
  }
  if (work[SMAX_LOW]! >>> 0 > u32max >>> 0) {
    work[SMAX_LOW] = u32max
    changed = true
  }
  const sminHigh = work[SMIN_HIGH]!
  const smaxHigh = work[SMAX_HIGH]!
  if (
    work[S32MIN]! >= 0 &&
    (sminHigh >= 0 || (sminHigh === -1 && work[SMIN_LOW]! < 0)) &&
    (smaxHigh < 0 || (smaxHigh === 0 && work[SMAX_LOW]! >= 0)) &&
    deduceNotNegative()
  ) {
    changed = true
  }
  return changed
}

/** Sign-extended, and the low half is not negative: then nor is the whole. */
function deduceNotNegative(): boolean {
  const min = work[S32MIN]!
  const max = work[S32MAX]!
  // On a dead branch `max` can be negative.
  const maxHigh = max >> 31
  const rangeHigh = upTo(maxHigh)
  const rangeLow = rangeHigh === 0 ? upTo(min ^ max) : -1
  intersectBits(min & ~rangeLow, 0, rangeLow, rangeHigh)
  if (
    work[SMIN_LOW]! === min &&
    work[SMIN_HIGH]! === 0 &&
    work[SMAX_LOW]! === max &&
    work[SMAX_HIGH]! === maxHigh &&
    work[UMIN_LOW]! === min &&
    work[UMIN_HIGH]! === 0 &&
    work[UMAX_LOW]! === max &&
    work[UMAX_HIGH]! === maxHigh
  ) {
    return false
  }
  work[SMIN_LOW] = min
  work[SMIN_HIGH] = 0
  work[SMAX_LOW] = max
  work[SMAX_HIGH] = maxHigh
  work[UMIN_LOW] = min
  work[UMIN_HIGH] = 0
  work[UMAX_LOW] = max
  work[UMAX_HIGH] = maxHigh
  return true
}

/** The bounds say: the bits above the highest one in which the ends of an unsigned range differ are known. */
function learnBits(): void {
  const rangeHigh = upTo(work[UMIN_HIGH]! ^ work[UMAX_HIGH]!)
  const rangeLow = rangeHigh === 0 ? upTo(work[UMIN_LOW]! ^ work[UMAX_LOW]!) : -1
  intersectBits(work[UMIN_LOW]! & ~rangeLow, work[UMIN_HIGH]! & ~rangeHigh, rangeLow, rangeHigh)
  const range32 = upTo(work[U32MIN]! ^ work[U32MAX]!)
  const mask = work[MASK_LOW]! & range32
  work[VALUE_LOW] = (work[VALUE_LOW]! | (work[U32MIN]! & ~range32)) & ~mask
  work[MASK_LOW] = mask
}

/** A scalar with the parts in the work area: `like` or another that exists already, if it has just these. */
function result(like: Scalar | undefined): Scalar {
  if (like !== undefined && isInWork(like)) return like
  if ((work[MASK_LOW]! | work[MASK_HIGH]!) === 0) {
    const constant = constantOfBits()
    if (isInWork(constant)) return constant
  } else if (work[MASK_LOW]! === -1) {
    if (isInWork(UNKNOWN_32)) return UNKNOWN_32
    if (isUnbounded()) return UNKNOWN
  }
  return finish()
}

function isInWork(s: Scalar): boolean {
  return (
    s.umaxLow === work[UMAX_LOW]! &&
    s.uminLow === work[UMIN_LOW]! &&
    s.maskLow === work[MASK_LOW]! &&
    s.valueLow === work[VALUE_LOW]! &&
    s.u32max === work[U32MAX]! &&
    s.u32min === work[U32MIN]! &&
    s.s32max === work[S32MAX]! &&
    s.s32min === work[S32MIN]! &&
    s.umaxHigh === work[UMAX_HIGH]! &&
    s.uminHigh === work[UMIN_HIGH]! &&
    s.maskHigh === work[MASK_HIGH]! &&
    s.valueHigh === work[VALUE_HIGH]! &&
    s.smaxLow === work[SMAX_LOW]! &&
    s.smaxHigh === work[SMAX_HIGH]! &&
    s.sminLow === work[SMIN_LOW]! &&
    s.sminHigh === work[SMIN_HIGH]!
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
