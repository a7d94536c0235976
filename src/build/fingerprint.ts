/**
 * What tells one build from another: a number of 64 bits over all that it consists of. It finds mistakes, not forgery: who can
 * replace a module can also write a section into it.
 * @see http://www.isthe.com/chongo/tech/comp/fnv/ (FNV-1a)
 * @module
 */

const TWO_32 = 2 ** 32
/** The prime is 2^40 + this; the basis and the hash are halves of 32 bits. */
const PRIME_LOW = 0x1b3
const BASIS = { high: 0xcbf29ce4, low: 0x84222325 }

/** 16 hexadecimal digits. What belongs to which part counts: each goes in with its length. */
export function fingerprint(parts: readonly Uint8Array[]): string {
  let { high, low } = BASIS
  const add = (byte: number): void => {
    low = (low ^ byte) >>> 0
    const product = low * PRIME_LOW
    high = (high * PRIME_LOW + Math.floor(product / TWO_32) + low * 0x100) % TWO_32
    low = product % TWO_32
  }
  for (const part of parts) {
    for (let shift = 0; shift < 32; shift += 8) add((part.length >>> shift) & 0xff)
    for (const byte of part) add(byte)
  }
  return hex32(high) + hex32(low)
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, '0')
}
