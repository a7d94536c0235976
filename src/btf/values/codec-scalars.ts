/**
 * Codecs of what has no parts: integers, bit fields, enums, floats, text and bytes.
 *
 * Integers of up to 32 bits are numbers, wider ones bigints. Encoding takes either, and besides: booleans, decimal and `0x`
 * texts, and for 4 bytes an IPv4 address `10.0.0.1`, whose bytes are laid down in network order whatever the type.
 * @module
 */
import { type CodecNode, type Cursor, mismatch } from './codec-node.ts'

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/
const INTEGER = /^-?(?:\d{1,40}|0x[0-9a-fA-F]{1,32})$/
const HEX = /^(?:0x)?(?:[0-9a-fA-F]{2}[:\- ]?)*$/

function parseIpv4(text: string): number[] | undefined {
  const parts = IPV4.exec(text)?.slice(1).map(Number)
  return parts?.every((part) => part <= 255) ? parts : undefined
}

/** The whole number that `value` stands for; undefined if it is none. */
function toInteger(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : undefined
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value !== 'string' || !INTEGER.test(value)) return undefined
  return value.startsWith('-') ? -BigInt(value.slice(1)) : BigInt(value)
}

/** Checks the range; a value above the signed range is taken for its bit pattern, so that 0xffffffff is -1. */
function integerInRange(cursor: Cursor, value: unknown, bits: number, signed: boolean): bigint {
  const integer = toInteger(value)
  const low = signed ? -(1n << BigInt(bits - 1)) : 0n
  if (integer === undefined || integer < low || integer >> BigInt(bits) > 0n) {
    throw mismatch(cursor, `${signed ? 'a signed' : 'an unsigned'} integer of ${bits} bits`, value)
  }
  return integer
}

type Integer = number | bigint
type ReadInteger = (view: DataView, at: number, little: boolean) => Integer

const READERS: Readonly<Record<string, ReadInteger>> = {
  u1: (view, at) => view.getUint8(at),
  s1: (view, at) => view.getInt8(at),
  u2: (view, at, little) => view.getUint16(at, little),
  s2: (view, at, little) => view.getInt16(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  s4: (view, at, little) => view.getInt32(at, little),
  u8: (view, at, little) => view.getBigUint64(at, little),
  s8: (view, at, little) => view.getBigInt64(at, little),
}

function writeInteger(view: DataView, at: number, size: number, little: boolean, value: bigint): void {
  if (size === 8) view.setBigUint64(at, BigInt.asUintN(64, value), little)
  else if (size === 4) view.setUint32(at, Number(BigInt.asUintN(32, value)), little)
  else if (size === 2) view.setUint16(at, Number(BigInt.asUintN(16, value)), little)
  else view.setUint8(at, Number(BigInt.asUintN(8, value)))
}

/** An integer of 1, 2, 4 or 8 bytes. */
export function integerNode(size: 1 | 2 | 4 | 8, signed: boolean, little: boolean): CodecNode {
  const read = READERS[`${signed ? 's' : 'u'}${size}`]!
  return {
    size,
    cost: 1,
    decode: ({ view }, at) => read(view, at, little),
    encode(cursor, at, value) {
      const octets = size === 4 && typeof value === 'string' ? parseIpv4(value) : undefined
      if (octets !== undefined) cursor.bytes.set(octets, at)
      else if (typeof value === 'number' && size === 4 && value >>> 0 === value)
        cursor.view.setUint32(at, value, little)
      else writeInteger(cursor.view, at, size, little, integerInRange(cursor, value, 8 * size, signed))
    },
  }
}

/** An integer of 16 bytes. */
export function wideIntegerNode(signed: boolean, little: boolean): CodecNode {
  return {
    size: 16,
    cost: 1,
    decode({ view }, at) {
      const low = view.getBigUint64(little ? at : at + 8, little)
      const high = view.getBigUint64(little ? at + 8 : at, little)
      const all = (high << 64n) | low
      return signed ? BigInt.asIntN(128, all) : all
    },
    encode(cursor, at, value) {
      const integer = BigInt.asUintN(128, integerInRange(cursor, value, 128, signed))
      writeInteger(cursor.view, little ? at : at + 8, 8, little, integer)
      writeInteger(cursor.view, little ? at + 8 : at, 8, little, integer >> 64n)
    },
  }
}

export function boolNode(size: 1 | 2 | 4 | 8, little: boolean): CodecNode {
  const integer = integerNode(size, false, little)
  return {
    size,
    cost: 1,
    decode: (cursor, at) => Number(integer.decode(cursor, at)) !== 0,
    encode(cursor, at, value) {
      const truth = toInteger(value)
      if (truth !== 0n && truth !== 1n) throw mismatch(cursor, 'true or false', value)
      integer.encode(cursor, at, truth)
    },
  }
}

export function floatNode(size: 4 | 8, little: boolean): CodecNode {
  return {
    size,
    cost: 1,
    decode: ({ view }, at) => (size === 4 ? view.getFloat32(at, little) : view.getFloat64(at, little)),
    encode(cursor, at, value) {
      const number = typeof value === 'bigint' ? Number(value) : value
      if (typeof number !== 'number') throw mismatch(cursor, 'a number', value)
      if (size === 4) cursor.view.setFloat32(at, number, little)
      else cursor.view.setFloat64(at, number, little)
    },
  }
}

/** Names for some of the values of an integer: decodes to the name where there is one. */
export function enumNode(integer: CodecNode, values: readonly { name: string; value: Integer }[]): CodecNode {
  const names = new Map<Integer, string>()
  const numbers = new Map<string, Integer>()
  const key: (value: Integer) => Integer = integer.size === 8 ? BigInt : Number
  for (const { name, value } of values) {
    if (!names.has(key(value))) names.set(key(value), name)
    numbers.set(name, value)
  }
  return {
    size: integer.size,
    cost: 1,
    decode(cursor, at) {
      const value = integer.decode(cursor, at) as Integer
      return names.get(key(value)) ?? value
    },
    encode(cursor, at, value) {
      const number = typeof value === 'string' ? (numbers.get(value) ?? value) : value
      if (toInteger(number) === undefined) {
        const known = [...numbers.keys()].slice(0, 8).join(', ')
        throw mismatch(cursor, `one of ${known}${numbers.size > 8 ? ', …' : ''}, or a number`, value)
      }
      integer.encode(cursor, at, number)
    },
  }
}

export interface BitFieldType {
  readonly signed: boolean
  readonly bool: boolean
  /** Names of values, for an enum. */
  readonly names?: readonly { name: string; value: Integer }[]
}

/**
 * `width` bits (at most 64) that start at bit `firstBit` of the bytes. Bits count from the least significant one of the first
 * byte in little-endian data, from the most significant one in big-endian data.
 */
export function bitFieldNode(firstBit: number, width: number, type: BitFieldType, little: boolean): CodecNode {
  const first = firstBit >> 3
  const count = ((firstBit + width + 7) >> 3) - first
  const within = firstBit & 7
  const shift = BigInt(little ? within : 8 * count - within - width)
  const mask = (1n << BigInt(width)) - 1n
  // Of several names for one value the first is given, as in an enum that is no bit field; a value that the width cannot hold has none.
  const names = new Map<bigint, string>()
  for (const { name, value } of type.names ?? []) {
    const whole = BigInt(value)
    const raw = BigInt.asUintN(width, whole)
    if (!names.has(raw) && (raw === whole || BigInt.asIntN(width, whole) === whole)) names.set(raw, name)
  }
  const numbers = new Map((type.names ?? []).map(({ name, value }) => [name, value]))
  const load = ({ bytes }: Cursor, at: number): bigint => {
    let all = 0n
    for (let i = 0; i < count; i++) all = (all << 8n) | BigInt(bytes[at + first + (little ? count - 1 - i : i)]!)
    return all
  }
  return {
    size: first + count,
    cost: 1,
    decode(cursor, at) {
      const raw = (load(cursor, at) >> shift) & mask
      if (type.bool) return raw !== 0n
      const value = type.signed ? BigInt.asIntN(width, raw) : raw
      return names.get(raw) ?? (width <= 32 ? Number(value) : value)
    },
    encode(cursor, at, value) {
      const given = typeof value === 'string' ? (numbers.get(value) ?? value) : value
      const integer = BigInt.asUintN(width, integerInRange(cursor, given, width, type.signed))
      let all = (load(cursor, at) & ~(mask << shift)) | (integer << shift)
      for (let i = 0; i < count; i++) {
        cursor.bytes[at + first + (little ? i : count - 1 - i)] = Number(all & 0xffn)
        all >>= 8n
      }
    },
  }
}

/**
 * Bytes, as a `Uint8Array`. Encoding takes also arrays of numbers, hexadecimal text (with `:`, `-` or spaces between bytes:
 * a MAC address), and for 4 bytes an IPv4 address; fewer bytes are filled up with zeros only where there are none at all.
 */
export function bytesNode(size: number): CodecNode {
  return {
    size,
    cost: 1 + size / 64,
    decode: ({ bytes }, at) => bytes.slice(at, at + size),
    encode(cursor, at, value) {
      const given = toBytes(value, size)
      if (given === undefined || given.length !== size) throw mismatch(cursor, `${size} bytes`, value)
      cursor.bytes.set(given, at)
    },
  }
}

function toBytes(value: unknown, size: number): ArrayLike<number> | undefined {
  if (value instanceof Uint8Array) return value
  if (Array.isArray(value)) {
    return value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255) ? (value as number[]) : undefined
  }
  if (typeof value !== 'string') return undefined
  const octets = size === 4 ? parseIpv4(value) : undefined
  if (octets !== undefined) return octets
  if (!HEX.test(value)) return undefined
  return (value.replace(/^0x/, '').match(/[0-9a-fA-F]{2}/g) ?? []).map((pair) => Number.parseInt(pair, 16))
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const utf8 = new TextEncoder()
/** Control characters, except the ones that text has. */
const UNPRINTABLE = /[^\P{Cc}\t\n\r]/u

/** The text that a `char` array holds, up to its first NUL; undefined if that is no text. */
export function decodeText(bytes: Uint8Array): string | undefined {
  const end = bytes.indexOf(0)
  try {
    const text = strictUtf8.decode(end < 0 ? bytes : bytes.subarray(0, end))
    return UNPRINTABLE.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

/**
 * A `char` array: a string up to the first NUL where that is printable UTF-8, else bytes. Encoding fills a shorter text up
 * with NULs; one that fills the array has none.
 */
export function textNode(size: number): CodecNode {
  const raw = bytesNode(size)
  return {
    size,
    cost: raw.cost,
    decode({ bytes }, at) {
      const all = bytes.slice(at, at + size)
      return decodeText(all) ?? all
    },
    encode(cursor, at, value) {
      if (typeof value !== 'string') return raw.encode(cursor, at, value)
      const text = utf8.encode(value)
      if (text.length > size) throw mismatch(cursor, `a text of at most ${size} bytes`, value)
      cursor.bytes.fill(0, at, at + size)
      cursor.bytes.set(text, at)
    },
  }
}

/** Without type information: 1, 2, 4 and 8 bytes are an unsigned integer, other sizes bytes. */
export function untypedNode(size: number, little: boolean): CodecNode {
  return size === 1 || size === 2 || size === 4 || size === 8 ? lenientInteger(size, little) : bytesNode(size)
}

/** An integer that may also be given as its bytes. */
function lenientInteger(size: 1 | 2 | 4 | 8, little: boolean): CodecNode {
  const integer = integerNode(size, false, little)
  const raw = bytesNode(size)
  return {
    ...integer,
    encode: (cursor, at, value) => (typeof value === 'object' ? raw : integer).encode(cursor, at, value),
  }
}
