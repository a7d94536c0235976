/**
 * Tristate numbers: of each bit it is known to be zero, known to be one, or not known.
 *
 * A tnum is four halves, `value` (bits known to be one) and `mask` (bits not known), and is written to `out[0]` to
 * `out[3]` in the order value low, value high, mask low, mask high: the layout with which the work area (work.ts)
 * begins. Operands are passed by value, so `out` may be where they came from.
 *
 * Addition and subtraction are those of Vishwanathan, Shachnai, Narayana and Nagarakatte ("Sound, Precise, and Fast
 * Abstract Interpretation with Tristate Numbers", CGO 2022), proved there to be optimal; multiplication joins the two
 * possible partial sums of every unknown bit, as Linux does since 6.18.
 * @see https://arxiv.org/abs/2105.05398
 * @module
 */
import { mul64 } from '../../util/int64.ts'

export function tnumAdd(
  out: Int32Array,
  aValueLow: number,
  aValueHigh: number,
  aMaskLow: number,
  aMaskHigh: number,
  bValueLow: number,
  bValueHigh: number,
  bMaskLow: number,
  bMaskHigh: number,
): void {
  const low = (aValueLow + bValueLow) | 0
  const high = (aValueHigh + bValueHigh + (low >>> 0 < aValueLow >>> 0 ? 1 : 0)) | 0
  const masksLow = (aMaskLow + bMaskLow) | 0
  const masksHigh = (aMaskHigh + bMaskHigh + (masksLow >>> 0 < aMaskLow >>> 0 ? 1 : 0)) | 0
  // The sum with all unknown bits set: where it differs from the sum with none set, a carry may or may not arrive.
  const mostLow = (low + masksLow) | 0
  const mostHigh = (high + masksHigh + (mostLow >>> 0 < low >>> 0 ? 1 : 0)) | 0
  const maskLow = (mostLow ^ low) | aMaskLow | bMaskLow
  const maskHigh = (mostHigh ^ high) | aMaskHigh | bMaskHigh
  out[0] = low & ~maskLow
  out[1] = high & ~maskHigh
  out[2] = maskLow
  out[3] = maskHigh
}

export function tnumSub(
  out: Int32Array,
  aValueLow: number,
  aValueHigh: number,
  aMaskLow: number,
  aMaskHigh: number,
  bValueLow: number,
  bValueHigh: number,
  bMaskLow: number,
  bMaskHigh: number,
): void {
  const low = (aValueLow - bValueLow) | 0
  const high = (aValueHigh - bValueHigh - (aValueLow >>> 0 < bValueLow >>> 0 ? 1 : 0)) | 0
  const mostLow = (low + aMaskLow) | 0
  const mostHigh = (high + aMaskHigh + (mostLow >>> 0 < low >>> 0 ? 1 : 0)) | 0
  const leastLow = (low - bMaskLow) | 0
  const leastHigh = (high - bMaskHigh - (low >>> 0 < bMaskLow >>> 0 ? 1 : 0)) | 0
  const maskLow = (mostLow ^ leastLow) | aMaskLow | bMaskLow
  const maskHigh = (mostHigh ^ leastHigh) | aMaskHigh | bMaskHigh
  out[0] = low & ~maskLow
  out[1] = high & ~maskHigh
  out[2] = maskLow
  out[3] = maskHigh
}

/** Which 32 bits of `a & b` are not known; the known ones are `aValue & bValue`. */
export function tnumAndMask(aValue: number, aMask: number, bValue: number, bMask: number): number {
  return (aValue | aMask) & (bValue | bMask) & ~(aValue & bValue)
}

/** The low half of a tnum product depends on the low halves alone. */
export function tnumMul(
  out: Int32Array,
  aValueLow: number,
  aValueHigh: number,
  aMaskLow: number,
  aMaskHigh: number,
  bValueLow: number,
  bValueHigh: number,
  bMaskLow: number,
  bMaskHigh: number,
): void {
  if ((aMaskLow | aMaskHigh | bMaskLow | bMaskHigh) === 0) {
    mul64(out, 0, aValueLow, aValueHigh, bValueLow, bValueHigh)
    out[2] = 0
    out[3] = 0
    return
  }
  // A factor that is a power of two only shifts the other: each partial sum touches bits of its own. Indices are mostly
  // scaled so, and the loop below would take a turn for each of 64 bits.
  if ((aMaskLow | aMaskHigh) === 0 && isPowerOfTwo(aValueLow, aValueHigh)) {
    tnumLsh(out, bValueLow, bValueHigh, bMaskLow, bMaskHigh, trailingZeros(aValueLow, aValueHigh))
    return
  }
  if ((bMaskLow | bMaskHigh) === 0 && isPowerOfTwo(bValueLow, bValueHigh)) {
    tnumLsh(out, aValueLow, aValueHigh, aMaskLow, aMaskHigh, trailingZeros(bValueLow, bValueHigh))
    return
  }
  if ((aMaskLow & aMaskHigh) === -1) {
    // Every partial sum leaves the lowest bit of its term unknown: in the end, all bits from the first term's on are.
    const bitsLow = bValueLow | bMaskLow
    const bitsHigh = bValueHigh | bMaskHigh
    out[0] = 0
    out[1] = 0
    out[2] = ~below(bitsLow)
    out[3] = bitsLow === 0 ? ~below(bitsHigh) : -1
    return
  }
  let valueLow = aValueLow
  let valueHigh = aValueHigh
  let maskLow = aMaskLow
  let maskHigh = aMaskHigh
  let termLow = bValueLow
  let termHigh = bValueHigh
  let termMaskLow = bMaskLow
  let termMaskHigh = bMaskHigh
  let sumLow = 0
  let sumHigh = 0
  let sumMaskLow = 0
  let sumMaskHigh = 0
  while ((valueLow | valueHigh | maskLow | maskHigh) !== 0) {
    if (((valueLow | maskLow) & 1) !== 0) {
      // Where nothing is known of the sum from the lowest bit of the term on, no term can change it any more.
      if (
        (sumMaskHigh | (below(termLow | termMaskLow) === -1 ? below(termHigh | termMaskHigh) : 0)) === -1 &&
        (sumMaskLow | below(termLow | termMaskLow)) === -1
      ) {
        break
      }
      tnumAdd(out, sumLow, sumHigh, sumMaskLow, sumMaskHigh, termLow, termHigh, termMaskLow, termMaskHigh)
      if ((valueLow & 1) !== 0) {
        sumLow = out[0]!
        sumHigh = out[1]!
        sumMaskLow = out[2]!
        sumMaskHigh = out[3]!
      } else {
        sumMaskLow |= out[2]! | (sumLow ^ out[0]!)
        sumMaskHigh |= out[3]! | (sumHigh ^ out[1]!)
        sumLow = sumLow & out[0]! & ~sumMaskLow
        sumHigh = sumHigh & out[1]! & ~sumMaskHigh
      }
    }
    valueLow = (valueLow >>> 1) | (valueHigh << 31)
    valueHigh >>>= 1
    maskLow = (maskLow >>> 1) | (maskHigh << 31)
    maskHigh >>>= 1
    termHigh = (termHigh << 1) | (termLow >>> 31)
    termLow <<= 1
    termMaskHigh = (termMaskHigh << 1) | (termMaskLow >>> 31)
    termMaskLow <<= 1
  }
  out[0] = sumLow
  out[1] = sumHigh
  out[2] = sumMaskLow
  out[3] = sumMaskHigh
}

/** All bits below the lowest one that is set; all bits if none is. */
function below(bits: number): number {
  return ~bits & (bits - 1)
}

function isPowerOfTwo(low: number, high: number): boolean {
  return low === 0 ? high !== 0 && (high & (high - 1)) === 0 : high === 0 && (low & (low - 1)) === 0
}

function trailingZeros(low: number, high: number): number {
  return low === 0 ? 63 - Math.clz32(high & -high) : 31 - Math.clz32(low & -low)
}

/** Shifts left by a known `count`, 0 to 63. */
export function tnumLsh(
  out: Int32Array,
  valueLow: number,
  valueHigh: number,
  maskLow: number,
  maskHigh: number,
  count: number,
): void {
  if (count >= 32) {
    out[0] = 0
    out[1] = valueLow << (count - 32)
    out[2] = 0
    out[3] = maskLow << (count - 32)
  } else {
    out[0] = valueLow << count
    out[1] = (valueHigh << count) | ((valueLow >>> 1) >>> (31 - count))
    out[2] = maskLow << count
    out[3] = (maskHigh << count) | ((maskLow >>> 1) >>> (31 - count))
  }
}

/** Shifts right by a known `count`, 0 to 63, filling with zeros. */
export function tnumRsh(
  out: Int32Array,
  valueLow: number,
  valueHigh: number,
  maskLow: number,
  maskHigh: number,
  count: number,
): void {
  if (count >= 32) {
    out[0] = valueHigh >>> (count - 32)
    out[1] = 0
    out[2] = maskHigh >>> (count - 32)
    out[3] = 0
  } else {
    out[0] = (valueLow >>> count) | ((valueHigh << 1) << (31 - count))
    out[1] = valueHigh >>> count
    out[2] = (maskLow >>> count) | ((maskHigh << 1) << (31 - count))
    out[3] = maskHigh >>> count
  }
}

/** Shifts right by a known `count`, 0 to 63, filling with the top bit: known or unknown, as that is. */
export function tnumArsh(
  out: Int32Array,
  valueLow: number,
  valueHigh: number,
  maskLow: number,
  maskHigh: number,
  count: number,
): void {
  if (count >= 32) {
    out[0] = valueHigh >> (count - 32)
    out[1] = valueHigh >> 31
    out[2] = maskHigh >> (count - 32)
    out[3] = maskHigh >> 31
  } else {
    out[0] = (valueLow >>> count) | ((valueHigh << 1) << (31 - count))
    out[1] = valueHigh >> count
    out[2] = (maskLow >>> count) | ((maskHigh << 1) << (31 - count))
    out[3] = maskHigh >> count
  }
}

/** A tnum that contains the unsigned range: the bits above the highest one in which its ends differ. */
export function tnumRange(out: Int32Array, minLow: number, minHigh: number, maxLow: number, maxHigh: number): void {
  const maskHigh = upTo(minHigh ^ maxHigh)
  const maskLow = maskHigh === 0 ? upTo(minLow ^ maxLow) : -1
  out[0] = minLow & ~maskLow
  out[1] = minHigh & ~maskHigh
  out[2] = maskLow
  out[3] = maskHigh
}

/** All bits up to the highest one that is set. */
export function upTo(bits: number): number {
  return bits === 0 ? 0 : (-1 >>> Math.clz32(bits)) | 0
}
