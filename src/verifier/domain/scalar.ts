/**
 * What is known of a 64-bit number: which bits (a tnum), and bounds of it and of its low half, signed and unsigned.
 *
 * All 64-bit quantities are pairs of 32-bit halves, both kept as signed 32-bit integers (`| 0`), whatever they mean:
 * BigInt costs six times as much (measured, see `util/int64.ts`). Scalars are immutable and shared.
 *
 * The bounds of the low half speak of the low 32 bits of the number (`w` registers). A scalar is *synchronised*: what
 * one part says, the others know as far as Linux lets them know (`synchronise` in refine.ts); only such scalars leave
 * this folder.
 * @see https://docs.kernel.org/bpf/verifier.html#register-value-tracking
 * @module
 */

export class Scalar {
  /** Bits that are known to be one. */
  readonly valueLow: number
  readonly valueHigh: number
  /** Bits that are not known; the same bit of `value` is zero. */
  readonly maskLow: number
  readonly maskHigh: number
  readonly uminLow: number
  readonly uminHigh: number
  readonly umaxLow: number
  readonly umaxHigh: number
  readonly sminLow: number
  readonly sminHigh: number
  readonly smaxLow: number
  readonly smaxHigh: number
  /** Unsigned bounds of the low half, as signed integers: compare with `>>> 0`. */
  readonly u32min: number
  readonly u32max: number
  readonly s32min: number
  readonly s32max: number

  /** Takes the parts as they are; use the functions of this folder to get synchronised ones. */
  constructor(
    valueLow: number,
    valueHigh: number,
    maskLow: number,
    maskHigh: number,
    uminLow: number,
    uminHigh: number,
    umaxLow: number,
    umaxHigh: number,
    sminLow: number,
    sminHigh: number,
    smaxLow: number,
    smaxHigh: number,
    u32min: number,
    u32max: number,
    s32min: number,
    s32max: number,
  ) {
    this.valueLow = valueLow
    this.valueHigh = valueHigh
    this.maskLow = maskLow
    this.maskHigh = maskHigh
    this.uminLow = uminLow
    this.uminHigh = uminHigh
    this.umaxLow = umaxLow
    this.umaxHigh = umaxHigh
    this.sminLow = sminLow
    this.sminHigh = sminHigh
    this.smaxLow = smaxLow
    this.smaxHigh = smaxHigh
    this.u32min = u32min
    this.u32max = u32max
    this.s32min = s32min
    this.s32max = s32max
  }

  /** One value is possible. */
  get isConstant(): boolean {
    return (this.maskLow | this.maskHigh) === 0
  }

  /** One value of the low half is possible. */
  get isConstant32(): boolean {
    return this.maskLow === 0
  }

  get isZero(): boolean {
    return (this.maskLow | this.maskHigh | this.valueLow | this.valueHigh) === 0
  }

  /** The constant, as a number: exact if it fits in 53 bits. Only where `isConstant`. */
  get constant(): number {
    return this.valueHigh * 4294967296 + (this.valueLow >>> 0)
  }

  /** Bounds as numbers: exact within 53 bits, and beyond that in the right order; for comparisons with small limits. */
  get smin(): number {
    return this.sminHigh * 4294967296 + (this.sminLow >>> 0)
  }

  get smax(): number {
    return this.smaxHigh * 4294967296 + (this.smaxLow >>> 0)
  }

  get umin(): number {
    return (this.uminHigh >>> 0) * 4294967296 + (this.uminLow >>> 0)
  }

  get umax(): number {
    return (this.umaxHigh >>> 0) * 4294967296 + (this.umaxLow >>> 0)
  }
}

const MIN32 = -2147483648
const MAX32 = 2147483647

/** Nothing is known. */
export const UNKNOWN = new Scalar(0, 0, -1, -1, 0, 0, -1, -1, 0, MIN32, -1, MAX32, 0, -1, MIN32, MAX32)

/** Nothing is known of the low half; the high half is zero. */
export const UNKNOWN_32 = new Scalar(0, 0, -1, 0, 0, 0, -1, 0, 0, 0, -1, 0, 0, -1, MIN32, MAX32)

/** The constant with these halves. */
export function constantPair(low: number, high: number): Scalar {
  return new Scalar(low, high, 0, 0, low, high, low, high, low, high, low, high, low, low, low, low)
}

const SMALL: readonly Scalar[] = Array.from({ length: 256 }, (_, i) => constantPair(i, 0))

/** The constant zero: also the variable part of a pointer that has none. */
export const ZERO: Scalar = SMALL[0]!

/** The constant `value`, a signed 32-bit integer, sign-extended. */
export function constantOf(value: number): Scalar {
  return (value >>> 0 < 256 ? SMALL[value] : undefined) ?? constantPair(value | 0, value >> 31)
}
