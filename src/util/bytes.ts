/**
 * Bytes: hexadecimal text, and a reader that never leaves its buffer.
 * @module
 */
import { AnybpfError, type ErrorCode } from './errors.ts'

export type ByteOrder = 'little' | 'big'

const HEX_PAIR = /^(?:[0-9a-fA-F]{2})*$/

/** Parses hexadecimal text; white space between bytes is allowed. Throws `code` on anything else. */
export function hexToBytes(text: string, code: ErrorCode = 'ERR_FORMAT'): Uint8Array {
  const digits = text.replace(/\s+/g, '')
  if (!HEX_PAIR.test(digits)) {
    const why = /^[0-9a-fA-F]+$/.test(digits) ? ' (an odd number of digits)' : ''
    throw new AnybpfError(
      code,
      `not hexadecimal bytes${why}: ${JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)}`,
    )
  }
  const bytes = new Uint8Array(digits.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

const HEX_OF_BYTE: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))

/** Lower-case hexadecimal, two digits a byte, with `separator` between bytes. */
export function bytesToHex(bytes: Uint8Array, separator = ''): string {
  const parts = new Array<string>(bytes.length)
  for (let i = 0; i < bytes.length; i++) parts[i] = HEX_OF_BYTE[bytes[i]!]!
  return parts.join(separator)
}

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Copies several byte arrays into one. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/**
 * Bounds-checked access to a byte array in either byte order. Offsets are absolute in the array; an access that does
 * not lie wholly inside throws `code` with the name of what was being read.
 */
export class ByteReader {
  readonly bytes: Uint8Array
  readonly little: boolean
  readonly code: ErrorCode
  private readonly view: DataView

  constructor(bytes: Uint8Array, order: ByteOrder, code: ErrorCode) {
    this.bytes = bytes
    this.little = order === 'little'
    this.code = code
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get length(): number {
    return this.bytes.length
  }

  u8(offset: number, what: string): number {
    this.check(offset, 1, what)
    return this.view.getUint8(offset)
  }

  u16(offset: number, what: string): number {
    this.check(offset, 2, what)
    return this.view.getUint16(offset, this.little)
  }

  u32(offset: number, what: string): number {
    this.check(offset, 4, what)
    return this.view.getUint32(offset, this.little)
  }

  i32(offset: number, what: string): number {
    this.check(offset, 4, what)
    return this.view.getInt32(offset, this.little)
  }

  u64(offset: number, what: string): bigint {
    this.check(offset, 8, what)
    return this.view.getBigUint64(offset, this.little)
  }

  /** A 64-bit field that is used as an offset or a size: refused above 2^53, which no real file reaches. */
  size64(offset: number, what: string): number {
    const value = this.u64(offset, what)
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new AnybpfError(this.code, `${what} is absurd: ${value}`)
    return Number(value)
  }

  /** A view (not a copy) of `length` bytes at `offset`. */
  slice(offset: number, length: number, what: string): Uint8Array {
    this.check(offset, length, what)
    return this.bytes.subarray(offset, offset + length)
  }

  private check(offset: number, length: number, what: string): void {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.bytes.length)) {
      throw new AnybpfError(
        this.code,
        `${what} lies outside the data: offset ${offset}, length ${length}, of ${this.bytes.length} bytes`,
      )
    }
  }
}

const utf8Decoder = new TextDecoder()
const utf8Encoder = new TextEncoder()

/** Names in objects are ASCII in practice; bytes that are not UTF-8 become U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  return utf8Decoder.decode(bytes)
}

export function encodeUtf8(text: string): Uint8Array {
  return utf8Encoder.encode(text)
}
