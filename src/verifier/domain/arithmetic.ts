/**
 * What is known of a result, from what is known of the operands: one function for each ALU operation.
 *
 * An operation of 64 bits also says something of the low half of its result, and is computed there for itself. One of
 * 32 bits leaves the upper half zero. How precise each operation is, is a fact of Linux 6.18; among others, it tracks
 * no division and no remainder, and no shift by a number that is not known.
 *
 * The steps that need both the old bounds and the new ones are in bounds.ts (sums, products) and shift.ts.
 * @see https://docs.kernel.org/bpf/verifier.html#register-value-tracking
 * @module
 */
import type { AluOp } from '../../isa/instruction.ts'
import { arsh64, lsh64, mul64, rsh64, swap16, swap32 } from '../../util/int64.ts'
import { addBounds, addBounds32, multiplyBounds, multiplyBounds32, subtractBounds, subtractBounds32 } from './bounds.ts'
import { truncate } from './extend.ts'
import { resynchronise, synchronise, withoutContradiction } from './refine.ts'
import { type Scalar, UNKNOWN, UNKNOWN_32, ZERO } from './scalar.ts'
import { shift } from './shift.ts'
import { tnumAdd, tnumAndMask, tnumMul, tnumSub } from './tnum.ts'
import {
  constantOfBits,
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
  unboundSigned,
  unboundSigned32,
  VALUE_HIGH,
  VALUE_LOW,
  work,
  zeroExtendBounds,
} from './work.ts'

/**
 * `dst op src`. A 32-bit operation takes the lower halves and gives a number whose upper half is zero. `mov` gives
 * `src`: whole, or its lower half.
 */
export function alu(op: AluOp, width: 32 | 64, dst: Scalar, src: Scalar): Scalar {
  if (dst.isConstant && src.isConstant) {
    const known = constantAlu(op, width, dst, src)
    if (known !== undefined) return known
  }
  switch (op) {
    case 'add':
      if (dst === UNKNOWN || src === UNKNOWN) return width === 64 ? UNKNOWN : UNKNOWN_32
      addBits(dst, src)
      if (width === 64) addBounds(dst, src)
      addBounds32(dst, src)
      break
    case 'sub':
      if (dst === UNKNOWN || src === UNKNOWN) return width === 64 ? UNKNOWN : UNKNOWN_32
      subtractBits(dst, src)
      if (width === 64) subtractBounds(dst, src)
      subtractBounds32(dst, src)
      break
    case 'mul':
      multiplyBits(dst, src)
      if (width === 64) multiplyBounds(dst, src)
      multiplyBounds32(dst, src)
      break
    case 'and':
      work[VALUE_LOW] = dst.valueLow & src.valueLow
      work[VALUE_HIGH] = dst.valueHigh & src.valueHigh
      work[MASK_LOW] = tnumAndMask(dst.valueLow, dst.maskLow, src.valueLow, src.maskLow)
      work[MASK_HIGH] = tnumAndMask(dst.valueHigh, dst.maskHigh, src.valueHigh, src.maskHigh)
      if (width === 64) {
        if (src.isConstant && (work[MASK_LOW]! | work[MASK_HIGH]!) === 0) return constantOfBits()
        andBounds(dst, src)
      }
      andBounds32(dst, src)
      break
    case 'or':
      work[VALUE_LOW] = dst.valueLow | src.valueLow
      work[VALUE_HIGH] = dst.valueHigh | src.valueHigh
      work[MASK_LOW] = (dst.maskLow | src.maskLow) & ~work[VALUE_LOW]!
      work[MASK_HIGH] = (dst.maskHigh | src.maskHigh) & ~work[VALUE_HIGH]!
      if (width === 64) {
        if (src.isConstant && (work[MASK_LOW]! | work[MASK_HIGH]!) === 0) return constantOfBits()
        orBounds(dst, src)
      }
      orBounds32(dst, src)
      break
    case 'xor':
      if (dst === UNKNOWN || src === UNKNOWN) return width === 64 ? UNKNOWN : UNKNOWN_32
      work[MASK_LOW] = dst.maskLow | src.maskLow
      work[MASK_HIGH] = dst.maskHigh | src.maskHigh
      work[VALUE_LOW] = (dst.valueLow ^ src.valueLow) & ~work[MASK_LOW]!
      work[VALUE_HIGH] = (dst.valueHigh ^ src.valueHigh) & ~work[MASK_HIGH]!
      if (width === 64) xorBounds()
      xorBounds32()
      break
    case 'lsh':
    case 'rsh':
    case 'arsh':
      if (!isShiftCount(src, width)) return UNKNOWN
      shift(op, width, dst, src.valueLow)
      break
    case 'mov':
      if (width === 64) return src
      load(src)
      break
    case 'div':
    case 'sdiv':
    case 'mod':
    case 'smod':
      return UNKNOWN
  }
  if (width === 32) zeroExtendBounds()
  return withoutContradiction(synchronise(dst))
}

/** `-s`, as Linux computes it: zero minus `s`. */
export function negate(width: 32 | 64, s: Scalar): Scalar {
  return alu('sub', width, ZERO, s)
}

/**
 * Conversion of the low `bits` to a byte order, or `bswap`; what lies above them becomes zero. A swap is followed bit by
 * bit, and the bounds are those of the swapped bits. `order` is the program's own.
 */
export function endian(
  op: 'le' | 'be' | 'bswap',
  bits: 16 | 32 | 64,
  s: Scalar,
  order: 'little' | 'big' = 'little',
): Scalar {
  const swaps = op === 'bswap' || (op === 'le') !== (order === 'little')
  if (!swaps) return bits === 64 ? resynchronise(s) : truncate(s, bits === 16 ? 2 : 4)
  if (bits === 64) {
    work[VALUE_LOW] = swap32(s.valueHigh)
    work[VALUE_HIGH] = swap32(s.valueLow)
    work[MASK_LOW] = swap32(s.maskHigh)
    work[MASK_HIGH] = swap32(s.maskLow)
  } else {
    work[VALUE_LOW] = bits === 32 ? swap32(s.valueLow) : swap16(s.valueLow)
    work[VALUE_HIGH] = 0
    work[MASK_LOW] = bits === 32 ? swap32(s.maskLow) : swap16(s.maskLow)
    work[MASK_HIGH] = 0
  }
  unbound64()
  unbound32()
  return synchronise(undefined)
}

/** Linux wants the whole 64 bits of the count to be below the width, in a 32-bit shift too. */
function isShiftCount(src: Scalar, width: 32 | 64): boolean {
  return (width === 64 ? src.isConstant : src.isConstant32) && src.umaxHigh === 0 && src.umaxLow >>> 0 < width
}

const exact = new Int32Array(2)

/** The result for two constants, where it follows from the operation alone. */
function constantAlu(op: AluOp, width: 32 | 64, dst: Scalar, src: Scalar): Scalar | undefined {
  const aLow = dst.valueLow
  const bLow = src.valueLow
  const aHigh = dst.valueHigh
  const bHigh = src.valueHigh
  switch (op) {
    case 'add':
      work[VALUE_LOW] = aLow + bLow
      work[VALUE_HIGH] = aHigh + bHigh + (work[VALUE_LOW]! >>> 0 < aLow >>> 0 ? 1 : 0)
      break
    case 'sub':
      work[VALUE_LOW] = aLow - bLow
      work[VALUE_HIGH] = aHigh - bHigh - (aLow >>> 0 < bLow >>> 0 ? 1 : 0)
      break
    case 'mul':
      mul64(work, VALUE_LOW, aLow, aHigh, bLow, bHigh)
      break
    case 'and':
      work[VALUE_LOW] = aLow & bLow
      work[VALUE_HIGH] = aHigh & bHigh
      break
    case 'or':
      work[VALUE_LOW] = aLow | bLow
      work[VALUE_HIGH] = aHigh | bHigh
      break
    case 'xor':
      work[VALUE_LOW] = aLow ^ bLow
      work[VALUE_HIGH] = aHigh ^ bHigh
      break
    case 'lsh':
    case 'rsh':
    case 'arsh':
      if (bHigh !== 0 || bLow >>> 0 >= width) return undefined
      if (op === 'lsh') lsh64(exact, 0, aLow, width === 32 ? 0 : aHigh, bLow)
      else if (op === 'rsh') rsh64(exact, 0, aLow, width === 32 ? 0 : aHigh, bLow)
      else arsh64(exact, 0, aLow, width === 32 ? aLow >> 31 : aHigh, bLow)
      work[VALUE_LOW] = exact[0]!
      work[VALUE_HIGH] = exact[1]!
      break
    default:
      return undefined
  }
  if (width === 32) work[VALUE_HIGH] = 0
  return constantOfBits()
}

function addBits(a: Scalar, b: Scalar): void {
  tnumAdd(work, a.valueLow, a.valueHigh, a.maskLow, a.maskHigh, b.valueLow, b.valueHigh, b.maskLow, b.maskHigh)
}

function subtractBits(a: Scalar, b: Scalar): void {
  tnumSub(work, a.valueLow, a.valueHigh, a.maskLow, a.maskHigh, b.valueLow, b.valueHigh, b.maskLow, b.maskHigh)
}

function multiplyBits(a: Scalar, b: Scalar): void {
  tnumMul(work, a.valueLow, a.valueHigh, a.maskLow, a.maskHigh, b.valueLow, b.valueHigh, b.maskLow, b.maskHigh)
}

/** The signed bounds of a result whose unsigned bounds are known: the same, if the sign does not change between them. */
function signedFromUnsigned(): void {
  const minHigh = work[UMIN_HIGH]!
  const maxHigh = work[UMAX_HIGH]!
  const minLow = work[UMIN_LOW]!
  const maxLow = work[UMAX_LOW]!
  if (minHigh === maxHigh ? minLow >>> 0 <= maxLow >>> 0 : minHigh < maxHigh) {
    work[SMIN_LOW] = minLow
    work[SMIN_HIGH] = minHigh
    work[SMAX_LOW] = maxLow
    work[SMAX_HIGH] = maxHigh
  } else {
    unboundSigned()
  }
}

function signedFromUnsigned32(): void {
  if (work[U32MIN]! <= work[U32MAX]!) {
    work[S32MIN] = work[U32MIN]!
    work[S32MAX] = work[U32MAX]!
  } else {
    unboundSigned32()
  }
}

/** At least the known bits, at most the smaller operand. */
function andBounds(dst: Scalar, src: Scalar): void {
  work[UMIN_LOW] = work[VALUE_LOW]!
  work[UMIN_HIGH] = work[VALUE_HIGH]!
  const dstIsLess =
    dst.umaxHigh === src.umaxHigh ? dst.umaxLow >>> 0 < src.umaxLow >>> 0 : dst.umaxHigh >>> 0 < src.umaxHigh >>> 0
  work[UMAX_LOW] = dstIsLess ? dst.umaxLow : src.umaxLow
  work[UMAX_HIGH] = dstIsLess ? dst.umaxHigh : src.umaxHigh
  signedFromUnsigned()
}

function andBounds32(dst: Scalar, src: Scalar): void {
  if (src.isConstant32 && work[MASK_LOW]! === 0) {
    constant32()
    return
  }
  work[U32MIN] = work[VALUE_LOW]!
  work[U32MAX] = dst.u32max >>> 0 < src.u32max >>> 0 ? dst.u32max : src.u32max
  signedFromUnsigned32()
}

/** At least the greater operand, at most all bits that may be one. */
function orBounds(dst: Scalar, src: Scalar): void {
  const dstIsMore =
    dst.uminHigh === src.uminHigh ? dst.uminLow >>> 0 > src.uminLow >>> 0 : dst.uminHigh >>> 0 > src.uminHigh >>> 0
  work[UMIN_LOW] = dstIsMore ? dst.uminLow : src.uminLow
  work[UMIN_HIGH] = dstIsMore ? dst.uminHigh : src.uminHigh
  work[UMAX_LOW] = work[VALUE_LOW]! | work[MASK_LOW]!
  work[UMAX_HIGH] = work[VALUE_HIGH]! | work[MASK_HIGH]!
  signedFromUnsigned()
}

function orBounds32(dst: Scalar, src: Scalar): void {
  if (src.isConstant32 && work[MASK_LOW]! === 0) {
    constant32()
    return
  }
  work[U32MIN] = dst.u32min >>> 0 > src.u32min >>> 0 ? dst.u32min : src.u32min
  work[U32MAX] = work[VALUE_LOW]! | work[MASK_LOW]!
  signedFromUnsigned32()
}

function xorBounds(): void {
  work[UMIN_LOW] = work[VALUE_LOW]!
  work[UMIN_HIGH] = work[VALUE_HIGH]!
  work[UMAX_LOW] = work[VALUE_LOW]! | work[MASK_LOW]!
  work[UMAX_HIGH] = work[VALUE_HIGH]! | work[MASK_HIGH]!
  signedFromUnsigned()
}

function xorBounds32(): void {
  work[U32MIN] = work[VALUE_LOW]!
  work[U32MAX] = work[VALUE_LOW]! | work[MASK_LOW]!
  signedFromUnsigned32()
}

function constant32(): void {
  work[U32MIN] = work[VALUE_LOW]!
  work[U32MAX] = work[VALUE_LOW]!
  work[S32MIN] = work[VALUE_LOW]!
  work[S32MAX] = work[VALUE_LOW]!
}
