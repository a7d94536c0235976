/**
 * 64-bit integers as pairs of 32-bit halves, without BigInt and without allocation.
 *
 * Functions write their result to `out[at]` (low half) and `out[at + 1]` (high half) of an Int32Array; the operands are
 * passed by value, so `out` may be where they came from. Halves are taken modulo 2^32: signed or unsigned is the same.
 *
 * Why pairs: measured on V8, 64-bit arithmetic on BigInt objects costs six times as much (DESIGN, section 8).
 * @module
 */

const TWO_32 = 4294967296
const TWO_53 = 9007199254740992

/** The upper 32 bits of the product of two unsigned 32-bit numbers. */
export function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)
  // `middle` is at most (2^16 - 1)^2 + 2^16 - 1 < 2^32, but imul may have given it a negative sign.
  const cross = Math.imul(aLow, bHigh) + (middle & 0xffff)
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (cross >>> 16)) | 0
}

export function mul64(out: Int32Array, at: number, aLow: number, aHigh: number, bLow: number, bHigh: number): void {
  out[at] = Math.imul(aLow, bLow)
  out[at + 1] = mulHigh(aLow, bLow) + Math.imul(aLow, bHigh) + Math.imul(aHigh, bLow)
}

export function neg64(out: Int32Array, at: number, low: number, high: number): void {
  out[at] = -low
  out[at + 1] = ~high + ((low | 0) === 0 ? 1 : 0)
}

/** Shifts left by `count & 63`. */
export function lsh64(out: Int32Array, at: number, low: number, high: number, count: number): void {
  const n = count & 63
  if (n >= 32) {
    out[at] = 0
    out[at + 1] = low << (n - 32)
  } else {
    out[at] = low << n
    // A shift by 32 would be one by 0 in JavaScript: hence the two steps.
    out[at + 1] = (high << n) | ((low >>> 1) >>> (31 - n))
  }
}

/** Shifts right by `count & 63`, filling with zeros. */
export function rsh64(out: Int32Array, at: number, low: number, high: number, count: number): void {
  const n = count & 63
  if (n >= 32) {
    out[at] = high >>> (n - 32)
    out[at + 1] = 0
  } else {
    out[at] = (low >>> n) | ((high << 1) << (31 - n))
    out[at + 1] = high >>> n
  }
}

/** Shifts right by `count & 63`, filling with the sign. */
export function arsh64(out: Int32Array, at: number, low: number, high: number, count: number): void {
  const n = count & 63
  if (n >= 32) {
    out[at] = high >> (n - 32)
    out[at + 1] = high >> 31
  } else {
    out[at] = (low >>> n) | ((high << 1) << (31 - n))
    out[at + 1] = high >> n
  }
}

/** `a < b`, both unsigned. */
export function ltU64(aLow: number, aHigh: number, bLow: number, bHigh: number): boolean {
  return aHigh === bHigh ? aLow >>> 0 < bLow >>> 0 : aHigh >>> 0 < bHigh >>> 0
}

/** `a < b`, both signed; the high halves as signed numbers. */
export function ltS64(aLow: number, aHigh: number, bLow: number, bHigh: number): boolean {
  return aHigh === bHigh ? aLow >>> 0 < bLow >>> 0 : aHigh < bHigh
}

/** Unsigned quotient; 0 if the divisor is 0 (RFC 9669, section 4.1). */
export function divU64(out: Int32Array, at: number, aLow: number, aHigh: number, bLow: number, bHigh: number): void {
  divide(out, at, aLow | 0, aHigh | 0, bLow | 0, bHigh | 0, false)
}

/** Unsigned remainder; the dividend if the divisor is 0. */
export function modU64(out: Int32Array, at: number, aLow: number, aHigh: number, bLow: number, bHigh: number): void {
  divide(out, at, aLow | 0, aHigh | 0, bLow | 0, bHigh | 0, true)
}

/** Signed quotient, rounded towards zero; 0 if the divisor is 0; the minimum divided by -1 is the minimum. */
export function divS64(out: Int32Array, at: number, aLow: number, aHigh: number, bLow: number, bHigh: number): void {
  divideSigned(out, at, aLow | 0, aHigh | 0, bLow | 0, bHigh | 0, false)
}

/** Signed remainder with the sign of the dividend; the dividend if the divisor is 0; the minimum by -1 gives 0. */
export function modS64(out: Int32Array, at: number, aLow: number, aHigh: number, bLow: number, bHigh: number): void {
  divideSigned(out, at, aLow | 0, aHigh | 0, bLow | 0, bHigh | 0, true)
}

function divideSigned(
  out: Int32Array,
  at: number,
  aLow: number,
  aHigh: number,
  bLow: number,
  bHigh: number,
  remainder: boolean,
): void {
  const aNegative = aHigh < 0
  const bNegative = bHigh < 0
  const a0 = aNegative ? -aLow | 0 : aLow
  const a1 = aNegative ? (~aHigh + (aLow === 0 ? 1 : 0)) | 0 : aHigh
  const b0 = bNegative ? -bLow | 0 : bLow
  const b1 = bNegative ? (~bHigh + (bLow === 0 ? 1 : 0)) | 0 : bHigh
  // The magnitude of the minimum is itself, taken as unsigned: both special cases come out right.
  divide(out, at, a0, a1, b0, b1, remainder)
  if (remainder ? aNegative : aNegative !== bNegative) neg64(out, at, out[at]!, out[at + 1]!)
}

function divide(
  out: Int32Array,
  at: number,
  aLow: number,
  aHigh: number,
  bLow: number,
  bHigh: number,
  remainder: boolean,
): void {
  if ((bLow | bHigh) === 0) {
    out[at] = remainder ? aLow : 0
    out[at + 1] = remainder ? aHigh : 0
    return
  }
  const a = (aHigh >>> 0) * TWO_32 + (aLow >>> 0)
  const b = (bHigh >>> 0) * TWO_32 + (bLow >>> 0)
  if (a < TWO_53 && b < TWO_53) {
    // Both are exact doubles, and `%` is exact; so is the quotient of a multiple.
    const rest = a % b
    const result = remainder ? rest : (a - rest) / b
    out[at] = result
    out[at + 1] = result / TWO_32
    return
  }
  // A quotient estimated from below in doubles leaves a smaller remainder, and so on until it is less than the divisor:
  // each round takes about 50 bits, so that there are at most three.
  let restLow = aLow
  let restHigh = aHigh
  let quotientLow = 0
  let quotientHigh = 0
  while (!ltU64(restLow, restHigh, bLow, bHigh)) {
    const rest = (restHigh >>> 0) * TWO_32 + (restLow >>> 0)
    const estimate = Math.max(1, Math.floor((rest / b) * (1 - 2 ** -50)))
    const low = estimate | 0
    const high = (estimate / TWO_32) | 0
    const sum = (quotientLow >>> 0) + (low >>> 0)
    quotientHigh = (quotientHigh + high + (sum >= TWO_32 ? 1 : 0)) | 0
    quotientLow = sum | 0
    const productLow = Math.imul(low, bLow)
    const productHigh = (mulHigh(low, bLow) + Math.imul(low, bHigh) + Math.imul(high, bLow)) | 0
    const borrow = restLow >>> 0 < productLow >>> 0 ? 1 : 0
    restLow = (restLow - productLow) | 0
    restHigh = (restHigh - productHigh - borrow) | 0
  }
  out[at] = remainder ? restLow : quotientLow
  out[at + 1] = remainder ? restHigh : quotientHigh
}

/** Reverses the bytes of a 32-bit number. */
export function swap32(x: number): number {
  return (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24)
}

/** Reverses the lower two bytes; the upper ones become zero. */
export function swap16(x: number): number {
  return ((x & 0xff) << 8) | ((x >>> 8) & 0xff)
}

/** The pair as an unsigned BigInt: for messages and public results, not for hot paths. */
export function pairToU64(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
}

/** The low half of a BigInt, as a signed number. */
export function lowHalf(value: bigint): number {
  return Number(BigInt.asIntN(32, value))
}

/** The high half of a BigInt of 64 bits, as a signed number. */
export function highHalf(value: bigint): number {
  return Number(BigInt.asIntN(32, value >> 32n))
}
