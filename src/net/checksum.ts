/**
 * The Internet checksum: the one's complement of the one's complement sum of 16-bit words.
 * @see https://www.rfc-editor.org/rfc/rfc1071 computing it
 * @see https://www.rfc-editor.org/rfc/rfc1624 updating it
 * @module
 */
import { AnybpfError } from '../util/index.ts'

/**
 * Adds the 16-bit big-endian words of `bytes[start, end)` to `sum`; an odd last byte counts as the high half of a word.
 * The result is not folded: sums of several pieces may be chained, if all but the last have an even length.
 */
export function sumWords(bytes: Uint8Array, sum = 0, start = 0, end = bytes.length): number {
  let total = sum
  const even = start + ((end - start) & ~1)
  for (let i = start; i < even; i += 2) total += (bytes[i]! << 8) | bytes[i + 1]!
  if (even < end) total += bytes[even]! << 8
  return total
}

/** Folds a sum of words into 16 bits, end-around carry included. */
export function foldSum(sum: number): number {
  let folded = sum
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000)
  return folded
}

/** The checksum of `bytes`, with `sum` (of a pseudo header, say) added in: the value to put into the packet. */
export function internetChecksum(bytes: Uint8Array, sum = 0): number {
  return ~foldSum(sumWords(bytes, sum)) & 0xffff
}

/** True if bytes that contain their checksum, with `sum` added in, are intact: they sum to all ones. */
export function checksumHolds(bytes: Uint8Array, sum = 0): boolean {
  return foldSum(sumWords(bytes, sum)) === 0xffff
}

/**
 * The sum of the pseudo header that TCP, UDP and ICMPv6 checksums cover: the addresses (4 or 16 bytes each), the
 * protocol and the length in bytes of the transport header and data (RFC 9293 section 3.1, RFC 8200 section 8.1).
 */
export function pseudoHeaderSum(src: Uint8Array, dst: Uint8Array, protocol: number, length: number): number {
  // The fields have other widths in IPv4 and IPv6, but the same sum.
  return sumWords(dst, sumWords(src)) + protocol + (length & 0xffff) + Math.floor(length / 0x10000)
}

/** The checksum after one 16-bit word that it covers changed (RFC 1624, equation 3: right also for zero). */
export function updateChecksum16(checksum: number, before: number, after: number): number {
  return ~foldSum((~checksum & 0xffff) + (~before & 0xffff) + (after & 0xffff)) & 0xffff
}

/** The checksum after one aligned 32-bit word that it covers changed, such as an IPv4 address. */
export function updateChecksum32(checksum: number, before: number, after: number): number {
  return updateChecksum16(updateChecksum16(checksum, before >>> 16, after >>> 16), before, after)
}

/**
 * The checksum after the bytes `before`, at an even offset, became `after`. Both must have the same even length
 * (ERR_PACKET otherwise).
 */
export function updateChecksum(checksum: number, before: Uint8Array, after: Uint8Array): number {
  if (before.length !== after.length || before.length % 2 !== 0) {
    throw new AnybpfError(
      'ERR_PACKET',
      `a checksum is updated for an equal, even number of bytes, not ${before.length} and ${after.length}`,
    )
  }
  let sum = ~checksum & 0xffff
  for (let i = 0; i < before.length; i += 2) {
    sum += (~((before[i]! << 8) | before[i + 1]!) & 0xffff) + ((after[i]! << 8) | after[i + 1]!)
  }
  return ~foldSum(sum) & 0xffff
}
