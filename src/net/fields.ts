/**
 * Numbers on their way into a header: checked, then written in network byte order.
 * @module
 */
import { AnybpfError } from '../util/index.ts'

/** Throws ERR_PACKET unless `value` is a whole number of at most `bits` bits. */
export function checkUint(value: number, bits: number, what: string): void {
  if (!(Number.isInteger(value) && value >= 0 && value < 2 ** bits)) {
    throw new AnybpfError('ERR_PACKET', `${what} is ${value}, not a whole number of ${bits} bits`)
  }
}

export function putU16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8
  bytes[offset + 1] = value
}

export function putU32(bytes: Uint8Array, offset: number, value: number): void {
  putU16(bytes, offset, value >>> 16)
  putU16(bytes, offset + 2, value & 0xffff)
}
