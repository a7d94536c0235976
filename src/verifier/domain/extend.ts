/**
 * Narrower numbers in a register: zero-extended or sign-extended.
 *
 * What Linux keeps of the bounds in each case, and where it does not let the parts learn from each other afterwards, is
 * followed to the letter: the next comparison would show a difference.
 * @see https://www.rfc-editor.org/rfc/rfc9669.html#section-4.2
 * @module
 */
import { synchronise } from './refine.ts'
import { constantOf, constantPair, type Scalar, UNKNOWN } from './scalar.ts'
import { tnumRange } from './tnum.ts'
import {
  finish,
  load,
  load32,
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
  unboundUnsigned,
  unboundUnsigned32,
  VALUE_HIGH,
  VALUE_LOW,
  work,
  zeroExtendBounds,
} from './work.ts'

const UNKNOWN_OF_BYTES: readonly (Scalar | undefined)[] = [
  undefined,
  narrow(UNKNOWN, 1),
  narrow(UNKNOWN, 2),
  undefined,
  narrow(UNKNOWN, 4),
]

/** What a load of `bytes` bytes leaves of `s`: its low bytes, zero-extended. */
export function truncate(s: Scalar, bytes: 1 | 2 | 4 | 8): Scalar {
  if (bytes === 8) return s
  if (s === UNKNOWN) return UNKNOWN_OF_BYTES[bytes]!
  return narrow(s, bytes)
}

function narrow(s: Scalar, bytes: 1 | 2 | 4): Scalar {
  // Computed, not shifted by 32: that would be a shift by none.
  const mask = bytes === 4 ? -1 : bytes === 2 ? 0xffff : 0xff
  if (s.isConstant) {
    const low = s.valueLow & mask
    return low >= 0 ? constantOf(low) : constantPair(low, 0)
  }
  work[VALUE_LOW] = s.valueLow & mask
  work[VALUE_HIGH] = 0
  work[MASK_LOW] = s.maskLow & mask
  work[MASK_HIGH] = 0
  const sameAbove = s.uminHigh === s.umaxHigh && ((s.uminLow ^ s.umaxLow) & ~mask) === 0
  const min = sameAbove ? s.uminLow & mask : 0
  const max = sameAbove ? s.umaxLow & mask : mask
  work[UMIN_LOW] = min
  work[UMIN_HIGH] = 0
  work[UMAX_LOW] = max
  work[UMAX_HIGH] = 0
  work[SMIN_LOW] = min
  work[SMIN_HIGH] = 0
  work[SMAX_LOW] = max
  work[SMAX_HIGH] = 0
  if (bytes === 4) load32(s)
  else unbound32()
  return synchronise(s)
}

/** What a 32-bit move or operation leaves: the low half, zero-extended. */
export function zeroExtend32(s: Scalar): Scalar {
  if (s.isConstant) return truncate(s, 4)
  load(s)
  zeroExtendBounds()
  return synchronise(s)
}

/**
 * The low `bits` of `s`, sign-extended to `width`; of a width of 32, the upper half is zero then.
 */
export function signExtend(s: Scalar, bits: 8 | 16 | 32, width: 32 | 64): Scalar {
  const unused = 32 - bits
  if (width === 32) {
    // The kernel's 32-bit form knows 8 and 16 bits only; 32 would be a plain move.
    signExtendLow(s, unused)
    zeroExtendBounds()
    return synchronise(s)
  }
  if (s.isConstant) return constantOf((s.valueLow << unused) >> unused)
  const above = bits === 32 ? 0 : -1 << bits
  if (s.sminHigh === s.smaxHigh && ((s.sminLow ^ s.smaxLow) & above) === 0) {
    const a = (s.sminLow << unused) >> unused
    const b = (s.smaxLow << unused) >> unused
    const min = Math.min(a, b)
    const max = Math.max(a, b)
    if (min >= 0 === max >= 0) {
      const sign = min >> 31
      tnumRange(work, min, sign, max, sign)
      work[UMIN_LOW] = min
      work[UMIN_HIGH] = sign
      work[UMAX_LOW] = max
      work[UMAX_HIGH] = sign
      work[SMIN_LOW] = min
      work[SMIN_HIGH] = sign
      work[SMAX_LOW] = max
      work[SMAX_HIGH] = sign
      work[U32MIN] = min
      work[U32MAX] = max
      work[S32MIN] = min
      work[S32MAX] = max
      return finish()
    }
  }
  return bits === 8 ? SIGNED_8 : bits === 16 ? SIGNED_16 : SIGNED_32
}

/** Sign-extends within the low half. */
function signExtendLow(s: Scalar, unused: number): void {
  work[VALUE_HIGH] = 0
  work[MASK_HIGH] = 0
  if (s.isConstant) {
    const low = (s.valueLow << unused) >> unused
    work[VALUE_LOW] = low
    work[MASK_LOW] = 0
    work[U32MIN] = low
    work[U32MAX] = low
    work[S32MIN] = low
    work[S32MAX] = low
    return
  }
  const above = unused === 0 ? 0 : -1 << (32 - unused)
  if (((s.s32min ^ s.s32max) & above) === 0) {
    const a = (s.s32min << unused) >> unused
    const b = (s.s32max << unused) >> unused
    const min = Math.min(a, b)
    const max = Math.max(a, b)
    if (min >= 0 === max >= 0) {
      tnumRange(work, min, 0, max, 0)
      work[U32MIN] = min
      work[U32MAX] = max
      work[S32MIN] = min
      work[S32MAX] = max
      return
    }
  }
  work[VALUE_LOW] = 0
  work[MASK_LOW] = -1
  work[S32MIN] = -2147483648 >> unused
  work[S32MAX] = 2147483647 >> unused
  unboundUnsigned32()
}

const SIGNED_8 = unknownSigned(-0x80, 0x7f)
const SIGNED_16 = unknownSigned(-0x8000, 0x7fff)
const SIGNED_32 = unknownSigned(-0x80000000, 0x7fffffff)

/** A number between `min` and `max` that was sign-extended: no bit of it is known, and no unsigned bound. */
function unknownSigned(min: number, max: number): Scalar {
  load(UNKNOWN)
  unboundUnsigned()
  unboundUnsigned32()
  work[SMIN_LOW] = min
  work[SMIN_HIGH] = -1
  work[SMAX_LOW] = max
  work[SMAX_HIGH] = 0
  work[S32MIN] = min
  work[S32MAX] = max
  return finish()
}
