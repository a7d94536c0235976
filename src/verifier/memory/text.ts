/**
 * Numbers as Linux's messages write them. Messages are rare, so this may use BigInt.
 * @module
 */
import type { Scalar } from '../domain/scalar.ts'

/** Constants up to here are written in decimal, larger ones in hexadecimal. */
const LARGEST_DECIMAL = 0xffff

export function unsigned64(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
}

export function signed64(low: number, high: number): bigint {
  return BigInt.asIntN(64, unsigned64(low, high))
}

/** The bits that are known: `8`, `0x12345`, `(0x0; 0xff)`. */
export function tnumText(scalar: Scalar): string {
  const value = unsigned64(scalar.valueLow, scalar.valueHigh)
  const hex = `0x${value.toString(16)}`
  if (!scalar.isConstant) return `(${hex}; 0x${unsigned64(scalar.maskLow, scalar.maskHigh).toString(16)})`
  return value <= LARGEST_DECIMAL ? value.toString() : hex
}
