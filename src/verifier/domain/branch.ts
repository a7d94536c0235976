/**
 * Comparisons: which way they must go, and what each way teaches.
 *
 * Both are as precise as Linux 6.18 is. A comparison of 32 bits reads and refines the low halves; what that means for
 * the whole numbers follows when the parts are synchronised.
 * @see https://docs.kernel.org/bpf/verifier.html#register-value-tracking
 * @module
 */
import type { JumpOp } from '../../isa/instruction.ts'
import { isWithin } from './compare.ts'
import { isConsistent, synchronise, withoutContradiction } from './refine.ts'
import { type Scalar, UNKNOWN, UNKNOWN_32 } from './scalar.ts'
import {
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

/** What both operands of a comparison are known to be on either way. */
export interface BranchRefinement {
  trueA: Scalar
  trueB: Scalar
  falseA: Scalar
  falseB: Scalar
}

/** 1 if the comparison certainly holds, 0 if it certainly does not, -1 if it may go either way. */
export function branchTaken(op: JumpOp, width: 32 | 64, a: Scalar, b: Scalar): 1 | 0 | -1 {
  switch (op) {
    case 'eq':
      return width === 64 ? equality64(a, b) : equality32(a, b)
    case 'ne': {
      const equal = width === 64 ? equality64(a, b) : equality32(a, b)
      return equal === -1 ? -1 : equal === 0 ? 1 : 0
    }
    case 'set':
      return width === 64 ? commonBits64(a, b) : commonBits32(a, b)
    case 'gt':
      return width === 64 ? unsignedOrder64(b, a, true) : unsignedOrder32(b, a, true)
    case 'ge':
      return width === 64 ? unsignedOrder64(b, a, false) : unsignedOrder32(b, a, false)
    case 'lt':
      return width === 64 ? unsignedOrder64(a, b, true) : unsignedOrder32(a, b, true)
    case 'le':
      return width === 64 ? unsignedOrder64(a, b, false) : unsignedOrder32(a, b, false)
    case 'sgt':
      return width === 64 ? signedOrder64(b, a, true) : signedOrder32(b, a, true)
    case 'sge':
      return width === 64 ? signedOrder64(b, a, false) : signedOrder32(b, a, false)
    case 'slt':
      return width === 64 ? signedOrder64(a, b, true) : signedOrder32(a, b, true)
    case 'sle':
      return width === 64 ? signedOrder64(a, b, false) : signedOrder32(a, b, false)
  }
}

function lessUnsigned(aLow: number, aHigh: number, bLow: number, bHigh: number): boolean {
  return aHigh === bHigh ? aLow >>> 0 < bLow >>> 0 : aHigh >>> 0 < bHigh >>> 0
}

function lessSigned(aLow: number, aHigh: number, bLow: number, bHigh: number): boolean {
  return aHigh === bHigh ? aLow >>> 0 < bLow >>> 0 : aHigh < bHigh
}

function equality64(a: Scalar, b: Scalar): 1 | 0 | -1 {
  if ((a.maskLow | a.maskHigh | b.maskLow | b.maskHigh) === 0) {
    return a.valueLow === b.valueLow && a.valueHigh === b.valueHigh ? 1 : 0
  }
  if (
    ((a.valueLow ^ b.valueLow) & ~(a.maskLow | b.maskLow)) !== 0 ||
    ((a.valueHigh ^ b.valueHigh) & ~(a.maskHigh | b.maskHigh)) !== 0 ||
    lessUnsigned(b.umaxLow, b.umaxHigh, a.uminLow, a.uminHigh) ||
    lessUnsigned(a.umaxLow, a.umaxHigh, b.uminLow, b.uminHigh) ||
    lessSigned(b.smaxLow, b.smaxHigh, a.sminLow, a.sminHigh) ||
    lessSigned(a.smaxLow, a.smaxHigh, b.sminLow, b.sminHigh)
  ) {
    return 0
  }
  return disjoint32(a, b) ? 0 : -1
}

function equality32(a: Scalar, b: Scalar): 1 | 0 | -1 {
  if ((a.maskLow | b.maskLow) === 0) return a.valueLow === b.valueLow ? 1 : 0
  return ((a.valueLow ^ b.valueLow) & ~(a.maskLow | b.maskLow)) !== 0 || disjoint32(a, b) ? 0 : -1
}

/** The ranges of the low halves have no number in common. */
function disjoint32(a: Scalar, b: Scalar): boolean {
  return (
    a.u32min >>> 0 > b.u32max >>> 0 || a.u32max >>> 0 < b.u32min >>> 0 || a.s32min > b.s32max || a.s32max < b.s32min
  )
}

function commonBits64(a: Scalar, b: Scalar): 1 | 0 | -1 {
  const known = b.isConstant ? b : a
  const other = b.isConstant ? a : b
  if (!known.isConstant) return -1
  if (((other.valueLow & known.valueLow) | (other.valueHigh & known.valueHigh)) !== 0) return 1
  const low = (other.valueLow | other.maskLow) & known.valueLow
  const high = (other.valueHigh | other.maskHigh) & known.valueHigh
  return (low | high) === 0 ? 0 : -1
}

function commonBits32(a: Scalar, b: Scalar): 1 | 0 | -1 {
  const known = b.isConstant32 ? b : a
  const other = b.isConstant32 ? a : b
  if (!known.isConstant32) return -1
  if ((other.valueLow & known.valueLow) !== 0) return 1
  return ((other.valueLow | other.maskLow) & known.valueLow) === 0 ? 0 : -1
}

/** Does `less < more` hold, or `less <= more` if not `strict`? */
function unsignedOrder64(less: Scalar, more: Scalar, strict: boolean): 1 | 0 | -1 {
  if (strict) {
    if (lessUnsigned(less.umaxLow, less.umaxHigh, more.uminLow, more.uminHigh)) return 1
    return lessUnsigned(less.uminLow, less.uminHigh, more.umaxLow, more.umaxHigh) ? -1 : 0
  }
  if (!lessUnsigned(more.uminLow, more.uminHigh, less.umaxLow, less.umaxHigh)) return 1
  return lessUnsigned(more.umaxLow, more.umaxHigh, less.uminLow, less.uminHigh) ? 0 : -1
}

function signedOrder64(less: Scalar, more: Scalar, strict: boolean): 1 | 0 | -1 {
  if (strict) {
    if (lessSigned(less.smaxLow, less.smaxHigh, more.sminLow, more.sminHigh)) return 1
    return lessSigned(less.sminLow, less.sminHigh, more.smaxLow, more.smaxHigh) ? -1 : 0
  }
  if (!lessSigned(more.sminLow, more.sminHigh, less.smaxLow, less.smaxHigh)) return 1
  return lessSigned(more.smaxLow, more.smaxHigh, less.sminLow, less.sminHigh) ? 0 : -1
}

function unsignedOrder32(less: Scalar, more: Scalar, strict: boolean): 1 | 0 | -1 {
  if (strict) {
    if (less.u32max >>> 0 < more.u32min >>> 0) return 1
    return less.u32min >>> 0 < more.u32max >>> 0 ? -1 : 0
  }
  if (less.u32max >>> 0 <= more.u32min >>> 0) return 1
  return less.u32min >>> 0 <= more.u32max >>> 0 ? -1 : 0
}

function signedOrder32(less: Scalar, more: Scalar, strict: boolean): 1 | 0 | -1 {
  if (strict) {
    if (less.s32max < more.s32min) return 1
    return less.s32min < more.s32max ? -1 : 0
  }
  if (less.s32max <= more.s32min) return 1
  return less.s32min <= more.s32max ? -1 : 0
}

/**
 * What the operands are known to be where the comparison holds, and where it does not. Meant for comparisons that may
 * go either way; where nothing is learned, the
 * very same scalar is passed on. Every result is synchronised: its parts may learn from each other even then.
 */
export function refineBranch(op: JumpOp, width: 32 | 64, a: Scalar, b: Scalar, out: BranchRefinement): void {
  switch (op) {
    case 'eq':
      refineEqual(width, a, b)
      out.trueA = refinedA
      out.trueB = refinedB
      refineUnequal(width, a, b)
      out.falseA = refinedA
      out.falseB = refinedB
      break
    case 'ne':
      refineUnequal(width, a, b)
      out.trueA = refinedA
      out.trueB = refinedB
      refineEqual(width, a, b)
      out.falseA = refinedA
      out.falseB = refinedB
      break
    case 'set':
      refineCommonBits(width, a, b, true)
      out.trueA = refinedA
      out.trueB = refinedB
      refineCommonBits(width, a, b, false)
      out.falseA = refinedA
      out.falseB = refinedB
      break
    case 'lt':
    case 'le':
    case 'slt':
    case 'sle': {
      const signed = op === 'slt' || op === 'sle'
      const strict = op === 'lt' || op === 'slt'
      refineOrder(width, a, b, signed, strict)
      out.trueA = refinedA
      out.trueB = refinedB
      refineOrder(width, b, a, signed, !strict)
      out.falseA = refinedB
      out.falseB = refinedA
      break
    }
    case 'gt':
    case 'ge':
    case 'sgt':
    case 'sge': {
      const signed = op === 'sgt' || op === 'sge'
      const strict = op === 'gt' || op === 'sgt'
      refineOrder(width, b, a, signed, strict)
      out.trueA = refinedB
      out.trueB = refinedA
      refineOrder(width, a, b, signed, !strict)
      out.falseA = refinedA
      out.falseB = refinedB
      break
    }
  }
}

/** The results of the refining functions below. */
let refinedA: Scalar
let refinedB: Scalar

function finishRefined(like: Scalar): Scalar {
  const refined = synchronise(like)
  return refined === like ? like : withoutContradiction(refined)
}

/** `s`, of which nothing new was learnt: synchronised once more, where that could make a difference. */
function unrefined(s: Scalar): Scalar {
  if (s === UNKNOWN || s === UNKNOWN_32 || isPlainConstant(s)) return s
  load(s)
  return finishRefined(s)
}

/** A constant by its bits and by its bounds. */
function isPlainConstant(s: Scalar): boolean {
  return s.isConstant && isConsistent(s)
}

/** Both know all that is known of either. */
function refineEqual(width: 32 | 64, a: Scalar, b: Scalar): void {
  if (width === 64) {
    if (isPlainConstant(b) && isWithin(b, a)) {
      refinedA = refinedB = b
      return
    }
    if (isPlainConstant(a) && isWithin(a, b)) {
      refinedA = refinedB = a
      return
    }
  }
  load(a)
  if (width === 64) {
    intersect64(b)
    intersectBits(b.valueLow, b.valueHigh, b.maskLow, b.maskHigh)
    refinedA = finishRefined(a)
    // Each keeps the bounds of its own low half, as Linux leaves them.
    load(b)
    intersect64(a)
    intersectBits(a.valueLow, a.valueHigh, a.maskLow, a.maskHigh)
  } else {
    intersect32(b)
    intersectBits(b.valueLow, 0, b.maskLow, -1)
    refinedA = finishRefined(a)
    load(b)
    intersect32(a)
    intersectBits(a.valueLow, 0, a.maskLow, -1)
  }
  refinedB = finishRefined(b)
}

/** An unequal constant at an edge of a range moves that edge. */
function refineUnequal(width: 32 | 64, a: Scalar, b: Scalar): void {
  const constantB = width === 64 ? b.isConstant : b.isConstant32
  const constantA = !constantB && (width === 64 ? a.isConstant : a.isConstant32)
  refinedA = constantB ? excluding(width, a, b.valueLow, b.valueHigh) : unrefined(a)
  refinedB = constantA ? excluding(width, b, a.valueLow, a.valueHigh) : unrefined(b)
}

function excluding(width: 32 | 64, s: Scalar, low: number, high: number): Scalar {
  load(s)
  if (width === 32) {
    if (s.u32min === low) work[U32MIN] = low + 1
    if (s.u32max === low) work[U32MAX] = low - 1
    if (s.s32min === low) work[S32MIN] = low + 1
    if (s.s32max === low) work[S32MAX] = low - 1
  } else {
    if (s.uminLow === low && s.uminHigh === high) raise(UMIN_LOW, low, high)
    if (s.umaxLow === low && s.umaxHigh === high) lower(UMAX_LOW, low, high)
    if (s.sminLow === low && s.sminHigh === high) raise(SMIN_LOW, low, high)
    if (s.smaxLow === low && s.smaxHigh === high) lower(SMAX_LOW, low, high)
  }
  return finishRefined(s)
}

/** Writes a pair plus one. */
function raise(at: number, low: number, high: number): void {
  work[at] = low + 1
  work[at + 1] = high + (low === -1 ? 1 : 0)
}

/** Writes a pair minus one. */
function lower(at: number, low: number, high: number): void {
  work[at] = low - 1
  work[at + 1] = high - (low === 0 ? 1 : 0)
}

/** `a & b` has a bit, or has none: where one of them is a constant, that says something of the other's bits. */
function refineCommonBits(width: 32 | 64, a: Scalar, b: Scalar, some: boolean): void {
  const constantB = width === 64 ? b.isConstant : b.isConstant32
  const constantA = !constantB && (width === 64 ? a.isConstant : a.isConstant32)
  refinedA = constantB ? withBits(a, b.valueLow, width === 64 ? b.valueHigh : 0, some) : unrefined(a)
  refinedB = constantA ? withBits(b, a.valueLow, width === 64 ? a.valueHigh : 0, some) : unrefined(b)
}

function withBits(s: Scalar, low: number, high: number, some: boolean): Scalar {
  load(s)
  if (some) {
    // One of several bits is set: which one is not known.
    const single = low === 0 ? high !== 0 && (high & (high - 1)) === 0 : high === 0 && (low & (low - 1)) === 0
    if (!single) return unrefined(s)
    work[VALUE_LOW] = s.valueLow | low
    work[VALUE_HIGH] = s.valueHigh | high
  } else {
    // On a branch that is dead the old bounds would contradict the new bits: Linux forgets them, so that they do not.
    unbound64()
    unbound32()
    work[VALUE_LOW] = s.valueLow & ~low
    work[VALUE_HIGH] = s.valueHigh & ~high
  }
  work[MASK_LOW] = s.maskLow & ~low
  work[MASK_HIGH] = s.maskHigh & ~high
  return finishRefined(s)
}

/** `a < b`, or `a <= b` if not `strict`. `refinedA` is the lesser one. */
function refineOrder(width: 32 | 64, a: Scalar, b: Scalar, signed: boolean, strict: boolean): void {
  if (width === 32) {
    if (signed) refineSigned32(a, b, strict ? 1 : 0)
    else refineUnsigned32(a, b, strict ? 1 : 0)
  } else if (signed) {
    refineSigned64(a, b, strict)
  } else {
    refineUnsigned64(a, b, strict)
  }
}

function refineUnsigned32(a: Scalar, b: Scalar, step: number): void {
  const max = (b.u32max - step) | 0
  if (max >>> 0 < a.u32max >>> 0) {
    load(a)
    work[U32MAX] = max
    refinedA = finishRefined(a)
  } else {
    refinedA = unrefined(a)
  }
  const min = (a.u32min + step) | 0
  if (min >>> 0 > b.u32min >>> 0) {
    load(b)
    work[U32MIN] = min
    refinedB = finishRefined(b)
  } else {
    refinedB = unrefined(b)
  }
}

function refineSigned32(a: Scalar, b: Scalar, step: number): void {
  const max = (b.s32max - step) | 0
  if (max < a.s32max) {
    load(a)
    work[S32MAX] = max
    refinedA = finishRefined(a)
  } else {
    refinedA = unrefined(a)
  }
  const min = (a.s32min + step) | 0
  if (min > b.s32min) {
    load(b)
    work[S32MIN] = min
    refinedB = finishRefined(b)
  } else {
    refinedB = unrefined(b)
  }
}

function refineUnsigned64(a: Scalar, b: Scalar, strict: boolean): void {
  const maxLow = strict ? (b.umaxLow - 1) | 0 : b.umaxLow
  const maxHigh = strict && b.umaxLow === 0 ? (b.umaxHigh - 1) | 0 : b.umaxHigh
  if (lessUnsigned(maxLow, maxHigh, a.umaxLow, a.umaxHigh)) {
    load(a)
    work[UMAX_LOW] = maxLow
    work[UMAX_HIGH] = maxHigh
    refinedA = finishRefined(a)
  } else {
    refinedA = unrefined(a)
  }
  const minLow = strict ? (a.uminLow + 1) | 0 : a.uminLow
  const minHigh = strict && a.uminLow === -1 ? (a.uminHigh + 1) | 0 : a.uminHigh
  if (lessUnsigned(b.uminLow, b.uminHigh, minLow, minHigh)) {
    load(b)
    work[UMIN_LOW] = minLow
    work[UMIN_HIGH] = minHigh
    refinedB = finishRefined(b)
  } else {
    refinedB = unrefined(b)
  }
}

function refineSigned64(a: Scalar, b: Scalar, strict: boolean): void {
  const maxLow = strict ? (b.smaxLow - 1) | 0 : b.smaxLow
  const maxHigh = strict && b.smaxLow === 0 ? (b.smaxHigh - 1) | 0 : b.smaxHigh
  if (lessSigned(maxLow, maxHigh, a.smaxLow, a.smaxHigh)) {
    load(a)
    work[SMAX_LOW] = maxLow
    work[SMAX_HIGH] = maxHigh
    refinedA = finishRefined(a)
  } else {
    refinedA = unrefined(a)
  }
  const minLow = strict ? (a.sminLow + 1) | 0 : a.sminLow
  const minHigh = strict && a.sminLow === -1 ? (a.sminHigh + 1) | 0 : a.sminHigh
  if (lessSigned(b.sminLow, b.sminHigh, minLow, minHigh)) {
    load(b)
    work[SMIN_LOW] = minLow
    work[SMIN_HIGH] = minHigh
    refinedB = finishRefined(b)
  } else {
    refinedB = unrefined(b)
  }
}
