/**
 * Sums as the kernel keeps them: 32 bits, in the byte order of the machine, with end-around carry. A folded sum is the
 * same as one over network-order words, with its bytes swapped; the unfolded ones that programs see are not, so
 * `net/checksum.ts` would give other intermediate values.
 * @see https://www.rfc-editor.org/rfc/rfc1071
 * @module
 */

/** `a + b` with end-around carry; 32 bits, unsigned. */
export function addSums(a: number, b: number): number {
  const sum = (a >>> 0) + (b >>> 0)
  return sum > 0xffff_ffff ? (sum + 1) >>> 0 : sum
}

export function subtractSums(a: number, b: number): number {
  return addSums(a, ~b)
}

/** The sum of the 32-bit words in [start, end), the last one filled up with zeros, and of `seed`. */
export function sumBytes(view: DataView, start: number, end: number, seed: number): number {
  let total = seed >>> 0
  const whole = start + ((end - start) & ~3)
  for (let at = start; at < whole; at += 4) total += view.getUint32(at, true)
  for (let at = whole; at < end; at++) total += view.getUint8(at) * 2 ** (8 * (at - whole))
  while (total > 0xffff_ffff) total = (total % 0x1_0000_0000) + Math.floor(total / 0x1_0000_0000)
  return total
}

/** Adds the halves of a 32-bit sum: 16 bits. */
export function foldSum32(sum: number): number {
  const once = (sum >>> 16) + (sum & 0xffff)
  return (once >>> 16) + (once & 0xffff)
}

/** The checksum of a header whose 16- or 32-bit part `from` becomes `to`. All in the byte order of the machine. */
export function replaceInChecksum(checksum: number, from: number, to: number): number {
  return ~foldSum32(addSums(subtractSums(~checksum, from), to)) & 0xffff
}

/** The checksum after the difference of two sums, as `csum_diff` makes it. */
export function addDifference(checksum: number, difference: number): number {
  return ~foldSum32(addSums(difference, ~checksum)) & 0xffff
}
