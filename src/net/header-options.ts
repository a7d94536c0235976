/**
 * TCP options (RFC 9293 section 3.2, RFC 7323, RFC 2018) and IPv4 options (RFC 791 section 3.1), to and from bytes.
 *
 * Both lists have the same frame: type 0 ends the list, type 1 is one byte of padding, all others carry a length that
 * includes the type and the length themselves.
 * @see https://www.iana.org/assignments/tcp-parameters
 * @module
 */
import { AnybpfError, concatBytes } from '../util/index.ts'
import { checkUint } from './fields.ts'

/** An option as it lies in the header: `data` follows the type and the length. `nop` (type 1) has no data. */
export interface RawOption {
  readonly type: number
  readonly data: Uint8Array
}

export type TcpOption =
  | { readonly kind: 'nop' }
  | { readonly kind: 'mss'; readonly size: number }
  | { readonly kind: 'window_scale'; readonly shift: number }
  | { readonly kind: 'sack_permitted' }
  /** Blocks of [left edge, right edge). */
  | { readonly kind: 'sack'; readonly blocks: readonly (readonly [number, number])[] }
  | { readonly kind: 'timestamps'; readonly value: number; readonly echo: number }
  | { readonly kind: 'other'; readonly type: number; readonly data: Uint8Array }

export interface ParsedOptions {
  readonly options: readonly RawOption[]
  /** What is wrong with the list, where it is cut short. */
  readonly problem: string | undefined
}

/** Reads a list up to its end marker or the end of the bytes; the options before a malformed one are kept. */
export function parseRawOptions(bytes: Uint8Array): ParsedOptions {
  const options: RawOption[] = []
  let at = 0
  while (at < bytes.length) {
    const type = bytes[at]!
    if (type === 0) break
    if (type === 1) {
      options.push({ type, data: new Uint8Array(0) })
      at++
      continue
    }
    const length = bytes[at + 1] ?? 0
    if (length < 2 || at + length > bytes.length) {
      return { options, problem: `option ${type} has length ${length}, of ${bytes.length - at} bytes left` }
    }
    options.push({ type, data: bytes.slice(at + 2, at + length) })
    at += length
  }
  return { options, problem: undefined }
}

/** The bytes of a list, padded with zeros (end of list) to a multiple of four. ERR_PACKET if they exceed 40. */
export function encodeRawOptions(options: readonly RawOption[], what: string): Uint8Array {
  const parts: Uint8Array[] = []
  for (const { type, data } of options) {
    checkUint(type, 8, `${what} option type`)
    if (type === 0) throw new AnybpfError('ERR_PACKET', `${what} option type 0 ends the list by itself`)
    parts.push(type === 1 ? Uint8Array.of(1) : concatBytes([Uint8Array.of(type, data.length + 2), data]))
  }
  const bytes = concatBytes(parts)
  if (bytes.length > 40) {
    throw new AnybpfError('ERR_PACKET', `${what} options take ${bytes.length} bytes; a header has room for 40`)
  }
  const padded = new Uint8Array((bytes.length + 3) & ~3)
  padded.set(bytes)
  return padded
}

export function decodeTcpOption({ type, data }: RawOption): TcpOption {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  if (type === 1) return { kind: 'nop' }
  if (type === 2 && data.length === 2) return { kind: 'mss', size: view.getUint16(0) }
  if (type === 3 && data.length === 1) return { kind: 'window_scale', shift: view.getUint8(0) }
  if (type === 4 && data.length === 0) return { kind: 'sack_permitted' }
  if (type === 5 && data.length > 0 && data.length % 8 === 0) {
    const blocks: [number, number][] = []
    for (let i = 0; i < data.length; i += 8) blocks.push([view.getUint32(i), view.getUint32(i + 4)])
    return { kind: 'sack', blocks }
  }
  if (type === 8 && data.length === 8) return { kind: 'timestamps', value: view.getUint32(0), echo: view.getUint32(4) }
  return { kind: 'other', type, data }
}

export function encodeTcpOption(option: TcpOption): RawOption {
  switch (option.kind) {
    case 'nop':
      return { type: 1, data: new Uint8Array(0) }
    case 'mss':
      return { type: 2, data: words([[option.size, 16, 'TCP mss']]) }
    case 'window_scale':
      return { type: 3, data: words([[option.shift, 8, 'TCP window scale']]) }
    case 'sack_permitted':
      return { type: 4, data: new Uint8Array(0) }
    case 'sack':
      return {
        type: 5,
        data: words(option.blocks.flat().map((edge) => [edge, 32, 'TCP sack edge'])),
      }
    case 'timestamps':
      return {
        type: 8,
        data: words([
          [option.value, 32, 'TCP timestamp'],
          [option.echo, 32, 'TCP timestamp echo'],
        ]),
      }
    case 'other':
      return { type: option.type, data: option.data }
  }
}

function words(fields: readonly (readonly [value: number, bits: 8 | 16 | 32, what: string])[]): Uint8Array {
  const bytes: number[] = []
  for (const [value, bits, what] of fields) {
    checkUint(value, bits, what)
    for (let shift = bits - 8; shift >= 0; shift -= 8) bytes.push((value >>> shift) & 0xff)
  }
  return Uint8Array.from(bytes)
}
