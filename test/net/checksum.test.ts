/** The Internet checksum agrees with RFC 1071's example, and updating it agrees with computing it anew. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checksumHolds,
  foldSum,
  internetChecksum,
  pseudoHeaderSum,
  sumWords,
  updateChecksum,
  updateChecksum16,
  updateChecksum32,
} from '../../src/net/index.ts'
import { hexToBytes } from '../../src/util/index.ts'
import { runs, SEED } from '../support/runs.ts'

const options = { seed: SEED, numRuns: runs(5000) }

describe('computing', () => {
  it('gives the sum of RFC 1071, section 3', () => {
    expect(foldSum(sumWords(hexToBytes('0001 f203 f4f5 f6f7')))).toBe(0xddf2)
  })
  it('counts an odd last byte as the high half of a word', () => {
    expect(internetChecksum(Uint8Array.of(0x12, 0x34, 0x56))).toBe(~(0x1234 + 0x5600) & 0xffff)
  })
  it('gives the checksum of a known IPv4 header', () => {
    // The header is the one of Wikipedia's article on the IPv4 header checksum.
    expect(internetChecksum(hexToBytes('4500 0073 0000 4000 4011 0000 c0a8 0001 c0a8 00c7'))).toBe(0xb861)
    expect(checksumHolds(hexToBytes('4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7'))).toBe(true)
    expect(checksumHolds(hexToBytes('4500 0073 0000 4000 4012 b861 c0a8 0001 c0a8 00c7'))).toBe(false)
  })
  it('covers addresses, protocol and a length of 32 bits in the pseudo header', () => {
    const [src, dst] = [Uint8Array.of(10, 0, 0, 1), Uint8Array.of(10, 0, 0, 2)]
    expect(pseudoHeaderSum(src, dst, 6, 0x12345)).toBe(0x0a00 * 2 + 1 + 2 + 6 + 0x2345 + 1)
  })
})

describe('updating', () => {
  // Both zeros of one's complement mean the same; RFC 1624 is about which of them comes out.
  it('agrees with computing anew, for any words', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 8, maxLength: 64 }).filter((bytes) => bytes.length % 2 === 0),
        fc.nat(30),
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        (bytes, word, after) => {
          fc.pre(bytes.some((byte) => byte !== 0) && after.some((byte) => byte !== 0))
          const at = (2 * word) % (bytes.length - 2)
          const before = bytes.slice(at, at + 4)
          const changed = bytes.slice()
          changed.set(after, at)
          const expected = internetChecksum(changed)
          const u32 = (b: Uint8Array): number => new DataView(b.buffer).getUint32(0)
          expect(updateChecksum(internetChecksum(bytes), before, after)).toBe(expected)
          expect(updateChecksum32(internetChecksum(bytes), u32(before), u32(after))).toBe(expected)
        },
      ),
      options,
    )
  })
  it('gives the example of RFC 1624, section 4', () => {
    // The one with which equation 2 of RFC 1141 fails.
    expect(updateChecksum16(0xdd2f, 0x5555, 0x3285)).toBe(0x0000)
  })
  it('refuses unequal and odd lengths', () => {
    const code = expect.objectContaining({ code: 'ERR_PACKET' })
    expect(() => updateChecksum(0, new Uint8Array(2), new Uint8Array(4))).toThrow(code)
    expect(() => updateChecksum(0, new Uint8Array(3), new Uint8Array(3))).toThrow(code)
  })
})
