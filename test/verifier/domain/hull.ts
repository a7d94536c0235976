/**
 * The most that a scalar can say of a set of numbers, computed number by number with BigInt: what the domain is held against.
 * @module
 */
import { highHalf, lowHalf } from '../../../src/util/int64.ts'
import type { Scalar } from '../../../src/verifier/domain/scalar.ts'

/** Sixteen integers in the order of the fields of Scalar. */
export type Hull = Int32Array

export function hullOf(numbers: readonly bigint[]): Hull {
  const hull = hullOfOne(numbers[0]!)
  for (const n of numbers) joinHulls(hull, hullOfOne(n))
  return hull
}

export function hullOfOne(n: bigint): Hull {
  const low = lowHalf(n)
  const high = highHalf(n)
  return Int32Array.of(low, high, 0, 0, low, high, low, high, low, high, low, high, low, low, low, low)
}

/** Widens `into` to hold `other`. */
export function joinHulls(into: Hull, other: Hull): void {
  for (let half = 0; half < 2; half++) {
    const mask = into[2 + half]! | other[2 + half]! | (into[half]! ^ other[half]!)
    into[2 + half] = mask
    into[half] = into[half]! & ~mask
  }
  if (lessUnsigned(other, 4, into, 4)) copyPair(into, other, 4)
  if (lessUnsigned(into, 6, other, 6)) copyPair(into, other, 6)
  if (lessSigned(other, 8, into, 8)) copyPair(into, other, 8)
  if (lessSigned(into, 10, other, 10)) copyPair(into, other, 10)
  if (other[12]! >>> 0 < into[12]! >>> 0) into[12] = other[12]!
  if (other[13]! >>> 0 > into[13]! >>> 0) into[13] = other[13]!
  if (other[14]! < into[14]!) into[14] = other[14]!
  if (other[15]! > into[15]!) into[15] = other[15]!
}

function lessUnsigned(a: Hull, i: number, b: Hull, j: number): boolean {
  return a[i + 1] === b[j + 1] ? a[i]! >>> 0 < b[j]! >>> 0 : a[i + 1]! >>> 0 < b[j + 1]! >>> 0
}

function lessSigned(a: Hull, i: number, b: Hull, j: number): boolean {
  return a[i + 1] === b[j + 1] ? a[i]! >>> 0 < b[j]! >>> 0 : a[i + 1]! < b[j + 1]!
}

function copyPair(into: Hull, from: Hull, at: number): void {
  into[at] = from[at]!
  into[at + 1] = from[at + 1]!
}

/** 'unsound': `s` leaves out a number of the hull; 'optimal': it says all that the hull does; else 'sound'. */
export function compareHull(hull: Hull, s: Scalar): 'unsound' | 'sound' | 'optimal' {
  partsOf(s)
  let equal = true
  for (let i = 0; i < 16; i++) if (parts[i] !== hull[i]) equal = false
  if (equal) return 'optimal'
  const contained =
    ((hull[2]! & ~parts[2]!) | (hull[3]! & ~parts[3]!)) === 0 &&
    (hull[0]! & ~parts[2]!) === parts[0] &&
    (hull[1]! & ~parts[3]!) === parts[1] &&
    !lessUnsigned(hull, 4, parts, 4) &&
    !lessUnsigned(parts, 6, hull, 6) &&
    !lessSigned(hull, 8, parts, 8) &&
    !lessSigned(parts, 10, hull, 10) &&
    hull[12]! >>> 0 >= parts[12]! >>> 0 &&
    hull[13]! >>> 0 <= parts[13]! >>> 0 &&
    hull[14]! >= parts[14]! &&
    hull[15]! <= parts[15]!
  return contained ? 'sound' : 'unsound'
}

const parts = new Int32Array(16)

function partsOf(s: Scalar): void {
  parts[0] = s.valueLow
  parts[1] = s.valueHigh
  parts[2] = s.maskLow
  parts[3] = s.maskHigh
  parts[4] = s.uminLow
  parts[5] = s.uminHigh
  parts[6] = s.umaxLow
  parts[7] = s.umaxHigh
  parts[8] = s.sminLow
  parts[9] = s.sminHigh
  parts[10] = s.smaxLow
  parts[11] = s.smaxHigh
  parts[12] = s.u32min
  parts[13] = s.u32max
  parts[14] = s.s32min
  parts[15] = s.s32max
}
