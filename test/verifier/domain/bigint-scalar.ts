/**
 * The same abstract values, written plainly on BigInt objects: what the fast ones are compared with, in results (here) and
 * in time (bench/verifier-domain.ts).
 * @module
 */
import { highHalf, lowHalf, pairToU64 } from '../../../src/util/int64.ts'
import { Scalar } from '../../../src/verifier/domain/scalar.ts'

export interface BigTnum {
  readonly value: bigint
  readonly mask: bigint
}

export interface BigScalar {
  readonly bits: BigTnum
  readonly umin: bigint
  readonly umax: bigint
  readonly smin: bigint
  readonly smax: bigint
  readonly u32min: bigint
  readonly u32max: bigint
  readonly s32min: bigint
  readonly s32max: bigint
}

const u64 = (n: bigint): bigint => BigInt.asUintN(64, n)
const s64 = (n: bigint): bigint => BigInt.asIntN(64, n)
const u32 = (n: bigint): bigint => BigInt.asUintN(32, n)
const s32 = (n: bigint): bigint => BigInt.asIntN(32, n)
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b)
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b)
const S64_MIN = -(1n << 63n)
const S64_MAX = (1n << 63n) - 1n
const U64_MAX = (1n << 64n) - 1n
const S32_MIN = -(1n << 31n)
const S32_MAX = (1n << 31n) - 1n
const LOW = 0xffffffffn

export function bigTnumAdd(a: BigTnum, b: BigTnum): BigTnum {
  const least = u64(a.value + b.value)
  const most = u64(least + a.mask + b.mask)
  const mask = (least ^ most) | a.mask | b.mask
  return { value: least & ~mask, mask }
}

export function bigTnumSub(a: BigTnum, b: BigTnum): BigTnum {
  const known = u64(a.value - b.value)
  const mask = (u64(known + a.mask) ^ u64(known - b.mask)) | a.mask | b.mask
  return { value: known & ~mask, mask }
}

/** Every bit of `a` in turn: known to be one, its term is added; not known, it may be. */
export function bigTnumMul(a: BigTnum, b: BigTnum): BigTnum {
  let sum: BigTnum = { value: 0n, mask: 0n }
  for (let bit = 0n; bit < 64n; bit++) {
    const term = { value: u64(b.value << bit), mask: u64(b.mask << bit) }
    const added = bigTnumAdd(sum, term)
    if (((a.value >> bit) & 1n) === 1n) sum = added
    else if (((a.mask >> bit) & 1n) === 1n) sum = join(sum, added)
  }
  return sum
}

function join(a: BigTnum, b: BigTnum): BigTnum {
  const mask = a.mask | b.mask | (a.value ^ b.value)
  return { value: a.value & ~mask, mask }
}

function meet(a: BigTnum, b: BigTnum): BigTnum {
  const mask = a.mask & b.mask
  return { value: (a.value | b.value) & ~mask, mask }
}

function spanning(least: bigint, most: bigint): BigTnum {
  let open = least ^ most
  for (let n = 1n; n < 64n; n *= 2n) open |= open >> n
  return { value: least & ~open, mask: open }
}

function tighten(s: BigScalar): BigScalar {
  const { value, mask } = s.bits
  const low = { value: u32(value), mask: u32(mask) }
  const next: BigScalar = {
    bits: s.bits,
    umin: max(s.umin, value),
    umax: min(s.umax, value | mask),
    smin: max(s.smin, s64(value | (mask & u64(S64_MIN)))),
    smax: min(s.smax, s64(value | (mask & S64_MAX))),
    u32min: max(s.u32min, low.value),
    u32max: min(s.u32max, low.value | low.mask),
    s32min: max(s.s32min, s32(low.value | (low.mask & u32(S32_MIN)))),
    s32max: min(s.s32max, s32(low.value | (low.mask & S32_MAX))),
  }
  const only = onlyMember(s.bits, next.umin, next.umax)
  return only === undefined ? next : bigConstant(only)
}

/** The one number with these bits from `least` to `most`, if there is just one (or can be none but the greatest). */
function onlyMember(bits: BigTnum, least: bigint, most: bigint): bigint | undefined {
  const first = step(bits, least)
  if ((least & ~bits.mask) === bits.value) return first > most ? least : undefined
  if (first === (bits.value | bits.mask)) return first
  return first <= most && step(bits, first) > most ? first : undefined
}

/** The least number with these bits above `z`; the greatest one, if there is none. */
function step({ value, mask }: BigTnum, z: bigint): bigint {
  if (z >= (value | mask)) return value | mask
  const above = z - value
  // Below the highest bit that z has and that no such number has, z does not count; then count in the unknown bits alone.
  const filled = above | spanning(0n, above & ~mask).mask | ~mask
  return value | ((filled + 1n) & mask)
}

export function bigConstant(n: bigint): BigScalar {
  const whole = { umin: n, umax: n, smin: s64(n), smax: s64(n) }
  return { bits: { value: n, mask: 0n }, ...whole, u32min: u32(n), u32max: u32(n), s32min: s32(n), s32max: s32(n) }
}

function deduce(s: BigScalar): BigScalar {
  let { bits, umin, umax, smin, smax, u32min, u32max, s32min, s32max } = s
  const narrow32 = (least: bigint, most: bigint): void => {
    u32min = max(u32min, u32(least))
    u32max = min(u32max, u32(most))
  }
  const narrowSigned32 = (least: bigint, most: bigint): void => {
    s32min = max(s32min, s32(least))
    s32max = min(s32max, s32(most))
  }
  const crosses = (least: bigint, most: bigint): boolean =>
    u32((least >> 32n) + 1n) === u32(most >> 32n) && s32(least) < 0n && s32(most) >= 0n
  if (umin >> 32n === umax >> 32n) {
    narrow32(umin, umax)
    if (s32(umin) <= s32(umax)) narrowSigned32(umin, umax)
  }
  if (smin >> 32n === smax >> 32n) {
    if (u32(smin) <= u32(smax)) narrow32(smin, smax)
    if (s32(smin) <= s32(smax)) narrowSigned32(smin, smax)
  }
  if (crosses(umin, umax)) narrowSigned32(umin, umax)
  if (crosses(smin, smax)) narrowSigned32(smin, smax)
  if (s32(u32min) <= s32(u32max)) narrowSigned32(u32min, u32max)
  if (u32(s32min) <= u32(s32max)) {
    narrow32(s32min, s32max)
  } else if (u32max < u32(s32min)) {
    s32min = s32(u32min)
    u32max = min(u32max, u32(s32max))
  } else if (u32(s32max) < u32min) {
    s32max = s32(u32max)
    u32min = max(u32min, u32(s32min))
  }
  if (s64(umin) <= s64(umax)) {
    smin = max(smin, s64(umin))
    smax = min(smax, s64(umax))
  }
  if (u64(smin) <= u64(smax)) {
    umin = max(umin, u64(smin))
    umax = min(umax, u64(smax))
  } else if (umax < u64(smin)) {
    smin = s64(umin)
    umax = min(umax, u64(smax))
  } else if (u64(smax) < umin) {
    smax = s64(umax)
    umin = max(umin, u64(smin))
  }
  umin = max(umin, (umin & ~LOW) | u32min)
  umax = min(umax, (umax & ~LOW) | u32max)
  smin = max(smin, (smin & ~LOW) | u32min)
  smax = min(smax, (smax & ~LOW) | u32max)
  if (s32min >= 0n && smin >= S32_MIN && smax <= S32_MAX) {
    smin = s32min
    smax = s32max
    umin = u64(s32min)
    umax = u64(s32max)
    bits = meet(bits, spanning(umin, umax))
  }
  return { bits, umin, umax, smin, smax, u32min, u32max, s32min, s32max }
}

export function bigSynchronise(parts: BigScalar): BigScalar {
  const s = deduce(deduce(deduce(tighten(parts))))
  const whole = meet(s.bits, spanning(s.umin, s.umax))
  const low = meet({ value: u32(whole.value), mask: u32(whole.mask) }, spanning(s.u32min, s.u32max))
  const bits = { value: (whole.value & ~LOW) | low.value, mask: (whole.mask & ~LOW) | low.mask }
  return tighten({ ...s, bits })
}

export function bigAdd(a: BigScalar, b: BigScalar): BigScalar {
  const overflow = (least: bigint, most: bigint, from: bigint, to: bigint): boolean => least < from || most > to
  const signed = overflow(a.smin + b.smin, a.smax + b.smax, S64_MIN, S64_MAX)
  const signed32 = overflow(a.s32min + b.s32min, a.s32max + b.s32max, S32_MIN, S32_MAX)
  const unsigned = a.umin + b.umin <= U64_MAX && a.umax + b.umax > U64_MAX
  const unsigned32 = a.u32min + b.u32min <= LOW && a.u32max + b.u32max > LOW
  return bigSynchronise({
    bits: bigTnumAdd(a.bits, b.bits),
    umin: unsigned ? 0n : u64(a.umin + b.umin),
    umax: unsigned ? U64_MAX : u64(a.umax + b.umax),
    smin: signed ? S64_MIN : a.smin + b.smin,
    smax: signed ? S64_MAX : a.smax + b.smax,
    u32min: unsigned32 ? 0n : u32(a.u32min + b.u32min),
    u32max: unsigned32 ? LOW : u32(a.u32max + b.u32max),
    s32min: signed32 ? S32_MIN : a.s32min + b.s32min,
    s32max: signed32 ? S32_MAX : a.s32max + b.s32max,
  })
}

export function toBig(s: Scalar): BigScalar {
  return {
    bits: { value: pairToU64(s.valueLow, s.valueHigh), mask: pairToU64(s.maskLow, s.maskHigh) },
    umin: pairToU64(s.uminLow, s.uminHigh),
    umax: pairToU64(s.umaxLow, s.umaxHigh),
    smin: s64(pairToU64(s.sminLow, s.sminHigh)),
    smax: s64(pairToU64(s.smaxLow, s.smaxHigh)),
    u32min: u32(BigInt(s.u32min)),
    u32max: u32(BigInt(s.u32max)),
    s32min: BigInt(s.s32min),
    s32max: BigInt(s.s32max),
  }
}

export function fromBig(s: BigScalar): Scalar {
  const pair = (n: bigint): [number, number] => [lowHalf(n), highHalf(n)]
  return new Scalar(
    ...pair(s.bits.value),
    ...pair(s.bits.mask),
    ...pair(s.umin),
    ...pair(s.umax),
    ...pair(s.smin),
    ...pair(s.smax),
    lowHalf(s.u32min),
    lowHalf(s.u32max),
    lowHalf(s.s32min),
    lowHalf(s.s32max),
  )
}

/** `n`, unsigned, is one of the numbers that `s` describes, by every part of it. */
export function holds(s: Scalar, n: bigint): boolean {
  const big = toBig(s)
  const low = u32(n)
  return (
    (n & ~big.bits.mask) === big.bits.value &&
    big.umin <= n &&
    n <= big.umax &&
    big.smin <= s64(n) &&
    s64(n) <= big.smax &&
    big.u32min <= low &&
    low <= big.u32max &&
    big.s32min <= s32(n) &&
    s32(n) <= big.s32max
  )
}
