/**
 * MAC, IPv4 and IPv6 addresses as text and as bytes in network order.
 * @see https://www.rfc-editor.org/rfc/rfc5952 how IPv6 addresses are written
 * @see https://www.rfc-editor.org/rfc/rfc4291#section-2.2 how they may be written
 * @module
 */
import { AnybpfError } from '../util/index.ts'

function bad(what: string, text: string): AnybpfError {
  return new AnybpfError(
    'ERR_PACKET',
    `not ${what}: ${JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)}`,
  )
}

const MAC = /^[0-9a-fA-F]{2}(?:([:-])[0-9a-fA-F]{2})(?:\1[0-9a-fA-F]{2}){4}$/

/** `02:00:00:00:00:01` or `02-00-…` to six bytes; ERR_PACKET otherwise. */
export function parseMac(text: string): Uint8Array {
  if (!MAC.test(text)) throw bad('a MAC address', text)
  return Uint8Array.from(text.split(/[:-]/), (pair) => Number.parseInt(pair, 16))
}

/** Six bytes at `offset` as `02:00:00:00:00:01`. */
export function formatMac(bytes: Uint8Array, offset = 0): string {
  need(bytes, offset, 6, 'a MAC address')
  let text = ''
  for (let i = 0; i < 6; i++) {
    const byte = bytes[offset + i]!
    text += `${i === 0 ? '' : ':'}${byte < 16 ? '0' : ''}${byte.toString(16)}`
  }
  return text
}

// No leading zeros: programs disagree on whether 010 is eight or ten.
const IPV4 = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/

function ipv4Octets(text: string): number[] | undefined {
  const match = IPV4.exec(text)
  if (match === null) return undefined
  const octets = [Number(match[1]), Number(match[2]), Number(match[3]), Number(match[4])]
  return octets.every((octet) => octet <= 255) ? octets : undefined
}

/** Dotted decimal, four parts, to four bytes; ERR_PACKET otherwise. */
export function parseIpv4(text: string): Uint8Array {
  const octets = ipv4Octets(text)
  if (octets === undefined) throw bad('an IPv4 address', text)
  return Uint8Array.from(octets)
}

/** Four bytes at `offset` in dotted decimal. */
export function formatIpv4(bytes: Uint8Array, offset = 0): string {
  need(bytes, offset, 4, 'an IPv4 address')
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`
}

/** All forms of RFC 4291 section 2.2 (`::`, embedded IPv4) to sixteen bytes; no zone. ERR_PACKET otherwise. */
export function parseIpv6(text: string): Uint8Array {
  // The longest form, with embedded IPv4, has 45 characters.
  const halves = text.length <= 45 ? text.split('::') : []
  if (halves.length < 1 || halves.length > 2) throw bad('an IPv6 address', text)
  const head = ipv6Groups(halves[0]!, halves.length === 1)
  const tail = halves.length === 2 ? ipv6Groups(halves[1]!, true) : []
  if (head === undefined || tail === undefined) throw bad('an IPv6 address', text)
  const given = head.length + tail.length
  // RFC 5952, section 4.2.2: `::` stands for at least one group.
  if (halves.length === 1 ? given !== 8 : given > 7) throw bad('an IPv6 address', text)
  const groups = [...head, ...new Array<number>(8 - given).fill(0), ...tail]
  const bytes = new Uint8Array(16)
  for (let i = 0; i < 8; i++) {
    bytes[2 * i] = groups[i]! >> 8
    bytes[2 * i + 1] = groups[i]! & 0xff
  }
  return bytes
}

/** The 16-bit groups of one side of `::`; IPv4 may stand for the last two of the address. */
function ipv6Groups(text: string, last: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16))
      continue
    }
    const octets = last && i === parts.length - 1 ? ipv4Octets(part) : undefined
    if (octets === undefined) return undefined
    groups.push((octets[0]! << 8) | octets[1]!, (octets[2]! << 8) | octets[3]!)
  }
  return groups
}

/** Sixteen bytes at `offset` in the one form of RFC 5952; IPv4-mapped addresses end in dotted decimal (section 5). */
export function formatIpv6(bytes: Uint8Array, offset = 0): string {
  need(bytes, offset, 16, 'an IPv6 address')
  const groups: number[] = []
  for (let i = 0; i < 8; i++) groups.push((bytes[offset + 2 * i]! << 8) | bytes[offset + 2 * i + 1]!)
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${formatIpv4(bytes, offset + 12)}`
  }
  let runStart = -1
  let runLength = 1 // a single zero group is not shortened (section 4.2.2)
  for (let i = 0; i < 8; i++) {
    let length = 0
    while (groups[i + length] === 0) length++
    if (length > runLength) {
      runStart = i
      runLength = length
    }
    i += length
  }
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':')
  if (runStart < 0) return hex(groups)
  return `${hex(groups.slice(0, runStart))}::${hex(groups.slice(runStart + runLength))}`
}

function need(bytes: Uint8Array, offset: number, length: number, what: string): void {
  if (!(offset >= 0 && offset + length <= bytes.length)) {
    throw new AnybpfError('ERR_PACKET', `${what} needs ${length} bytes at offset ${offset}, of ${bytes.length}`)
  }
}
