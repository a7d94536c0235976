/**
 * Bounds of sums, differences and products, where they may overflow.
 *
 * Each function puts the bounds of its result in the work area. A signed pair is lost if either end overflows. An
 * unsigned pair survives if both ends overflow, or neither: then the range as a whole has moved.
 * @module
 */
import { mul64, mulHigh } from '../../util/int64.ts'
import type { Scalar } from './scalar.ts'
import {
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
  unboundSigned,
  unboundSigned32,
  unboundUnsigned,
  unboundUnsigned32,
  work,
} from './work.ts'

const MIN32 = -2147483648
const MAX32 = 2147483647
const TWO_32 = 4294967296
const TWO_53 = 9007199254740992

export function addBounds(a: Scalar, b: Scalar): void {
  addSignedBounds(a, b)
  const minLow = (a.uminLow + b.uminLow) | 0
  const minCarry = minLow >>> 0 < a.uminLow >>> 0 ? 1 : 0
  const minHigh = (a.uminHigh >>> 0) + (b.uminHigh >>> 0) + minCarry
  const maxLow = (a.umaxLow + b.umaxLow) | 0
  const maxCarry = maxLow >>> 0 < a.umaxLow >>> 0 ? 1 : 0
  const maxHigh = (a.umaxHigh >>> 0) + (b.umaxHigh >>> 0) + maxCarry
  if (minHigh < TWO_32 && maxHigh >= TWO_32) {
    unboundUnsigned()
  } else {
    work[UMIN_LOW] = minLow
    work[UMIN_HIGH] = minHigh
    work[UMAX_LOW] = maxLow
    work[UMAX_HIGH] = maxHigh
  }
}

export function addSignedBounds(a: Scalar, b: Scalar): void {
  const minLow = (a.sminLow + b.sminLow) | 0
  const minHigh = a.sminHigh + b.sminHigh + (minLow >>> 0 < a.sminLow >>> 0 ? 1 : 0)
  const maxLow = (a.smaxLow + b.smaxLow) | 0
  const maxHigh = a.smaxHigh + b.smaxHigh + (maxLow >>> 0 < a.smaxLow >>> 0 ? 1 : 0)
  setSigned(minLow, minHigh, maxLow, maxHigh)
}

/** Sets the signed bounds, whose high halves may be out of range: then there are none. */
function setSigned(minLow: number, minHigh: number, maxLow: number, maxHigh: number): void {
  if (minHigh < MIN32 || minHigh > MAX32 || maxHigh < MIN32 || maxHigh > MAX32) {
    unboundSigned()
  } else {
    work[SMIN_LOW] = minLow
    work[SMIN_HIGH] = minHigh
    work[SMAX_LOW] = maxLow
    work[SMAX_HIGH] = maxHigh
  }
}

export function addBounds32(a: Scalar, b: Scalar): void {
  setSigned32(a.s32min + b.s32min, a.s32max + b.s32max)
  const min = (a.u32min >>> 0) + (b.u32min >>> 0)
  const max = (a.u32max >>> 0) + (b.u32max >>> 0)
  if (min < TWO_32 && max >= TWO_32) {
    unboundUnsigned32()
  } else {
    work[U32MIN] = min
    work[U32MAX] = max
  }
}

function setSigned32(min: number, max: number): void {
  if (min < MIN32 || min > MAX32 || max < MIN32 || max > MAX32) {
    unboundSigned32()
  } else {
    work[S32MIN] = min
    work[S32MAX] = max
  }
}

export function subtractBounds(a: Scalar, b: Scalar): void {
  subtractSignedBounds(a, b)
  const minHigh = (a.uminHigh >>> 0) - (b.umaxHigh >>> 0) - (a.uminLow >>> 0 < b.umaxLow >>> 0 ? 1 : 0)
  const maxHigh = (a.umaxHigh >>> 0) - (b.uminHigh >>> 0) - (a.umaxLow >>> 0 < b.uminLow >>> 0 ? 1 : 0)
  if (minHigh < 0 && maxHigh >= 0) {
    unboundUnsigned()
  } else {
    work[UMIN_LOW] = a.uminLow - b.umaxLow
    work[UMIN_HIGH] = minHigh
    work[UMAX_LOW] = a.umaxLow - b.uminLow
    work[UMAX_HIGH] = maxHigh
  }
}

export function subtractSignedBounds(a: Scalar, b: Scalar): void {
  const minHigh = a.sminHigh - b.smaxHigh - (a.sminLow >>> 0 < b.smaxLow >>> 0 ? 1 : 0)
  const maxHigh = a.smaxHigh - b.sminHigh - (a.smaxLow >>> 0 < b.sminLow >>> 0 ? 1 : 0)
  setSigned((a.sminLow - b.smaxLow) | 0, minHigh, (a.smaxLow - b.sminLow) | 0, maxHigh)
}

export function subtractBounds32(a: Scalar, b: Scalar): void {
  setSigned32(a.s32min - b.s32max, a.s32max - b.s32min)
  const min = (a.u32min >>> 0) - (b.u32max >>> 0)
  const max = (a.u32max >>> 0) - (b.u32min >>> 0)
  if (min < 0 && max >= 0) {
    unboundUnsigned32()
  } else {
    work[U32MIN] = min
    work[U32MAX] = max
  }
}

export function multiplyBounds(a: Scalar, b: Scalar): void {
  const umax = a.umax * b.umax
  if (umax < TWO_53) {
    // Below 2^53 doubles are exact, and a rounded product is not below unless the true one is.
    const umin = a.umin * b.umin
    work[UMIN_LOW] = umin
    work[UMIN_HIGH] = umin / TWO_32
    work[UMAX_LOW] = umax
    work[UMAX_HIGH] = umax / TWO_32
  } else if (overflows(a.umaxLow, a.umaxHigh, b.umaxLow, b.umaxHigh)) {
    unboundUnsigned()
  } else {
    mul64(work, UMIN_LOW, a.uminLow, a.uminHigh, b.uminLow, b.uminHigh)
    mul64(work, UMAX_LOW, a.umaxLow, a.umaxHigh, b.umaxLow, b.umaxHigh)
  }
  multiplySignedBounds(a, b)
}

/** The product of two unsigned numbers does not fit in 64 bits. */
function overflows(aLow: number, aHigh: number, bLow: number, bHigh: number): boolean {
  if (aHigh === 0 && bHigh === 0) return false
  if (aHigh !== 0 && bHigh !== 0) return true
  const high = aHigh === 0 ? bHigh : aHigh
  const low = aHigh === 0 ? aLow : bLow
  // (high * 2^32 + rest) * low: what lies above 64 bits is the cross product's upper half, or a carry into it.
  if (mulHigh(high, low) !== 0) return true
  const restHigh = mulHigh(aLow, bLow) >>> 0
  return (Math.imul(high, low) >>> 0) + restHigh >= TWO_32
}

/** The least and greatest of the four products of the ends. */
function multiplySignedBounds(a: Scalar, b: Scalar): void {
  const p0 = a.smin * b.smin
  const p1 = a.smin * b.smax
  const p2 = a.smax * b.smin
  const p3 = a.smax * b.smax
  const least = Math.min(p0, p1, p2, p3)
  const most = Math.max(p0, p1, p2, p3)
  if (least > -TWO_53 && most < TWO_53) {
    work[SMIN_LOW] = least
    work[SMIN_HIGH] = Math.floor(least / TWO_32)
    work[SMAX_LOW] = most
    work[SMAX_HIGH] = Math.floor(most / TWO_32)
    return
  }
  if (
    !signedProduct(0, a.sminLow, a.sminHigh, b.sminLow, b.sminHigh) ||
    !signedProduct(2, a.sminLow, a.sminHigh, b.smaxLow, b.smaxHigh) ||
    !signedProduct(4, a.smaxLow, a.smaxHigh, b.sminLow, b.sminHigh) ||
    !signedProduct(6, a.smaxLow, a.smaxHigh, b.smaxLow, b.smaxHigh)
  ) {
    unboundSigned()
    return
  }
  let minLow = products[0]!
  let minHigh = products[1]!
  let maxLow = minLow
  let maxHigh = minHigh
  for (let i = 2; i < 8; i += 2) {
    const low = products[i]!
    const high = products[i + 1]!
    if (high === minHigh ? low >>> 0 < minLow >>> 0 : high < minHigh) {
      minLow = low
      minHigh = high
    }
    if (high === maxHigh ? low >>> 0 > maxLow >>> 0 : high > maxHigh) {
      maxLow = low
      maxHigh = high
    }
  }
  work[SMIN_LOW] = minLow
  work[SMIN_HIGH] = minHigh
  work[SMAX_LOW] = maxLow
  work[SMAX_HIGH] = maxHigh
}

const products = new Int32Array(8)

/** The product of two signed numbers in `products[at]`; false if it does not fit in 64 bits. */
function signedProduct(at: number, aLow: number, aHigh: number, bLow: number, bHigh: number): boolean {
  const negative = (aHigh ^ bHigh) < 0
  // The magnitude of the minimum is itself, taken as unsigned.
  const a0 = aHigh < 0 ? -aLow | 0 : aLow
  const a1 = aHigh < 0 ? (~aHigh + (aLow === 0 ? 1 : 0)) | 0 : aHigh
  const b0 = bHigh < 0 ? -bLow | 0 : bLow
  const b1 = bHigh < 0 ? (~bHigh + (bLow === 0 ? 1 : 0)) | 0 : bHigh
  if (overflows(a0, a1, b0, b1)) return false
  mul64(products, at, aLow, aHigh, bLow, bHigh)
  const high = products[at + 1]!
  // A product that fits has the sign that it should have, or is zero.
  return (products[at]! | high) === 0 || high < 0 === negative
}

export function multiplyBounds32(a: Scalar, b: Scalar): void {
  const umax = (a.u32max >>> 0) * (b.u32max >>> 0)
  if (umax >= TWO_32) {
    unboundUnsigned32()
  } else {
    work[U32MIN] = (a.u32min >>> 0) * (b.u32min >>> 0)
    work[U32MAX] = umax
  }
  const p0 = a.s32min * b.s32min
  const p1 = a.s32min * b.s32max
  const p2 = a.s32max * b.s32min
  const p3 = a.s32max * b.s32max
  setSigned32(Math.min(p0, p1, p2, p3), Math.max(p0, p1, p2, p3))
}
