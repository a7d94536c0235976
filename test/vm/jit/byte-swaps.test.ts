/** Byte swaps that are written as shifts and masks, as compilers leave them. */
import { describe, expect, it } from 'vitest'
import { assemble } from '../../../src/isa/index.ts'
import { findByteSwaps } from '../../../src/vm/jit/byte-swaps.ts'
import { executeRawOnAll } from '../../support/both-engines.ts'

const VALUE = '0x1122334455667788'

function swapsOf(text: string) {
  const insns = assemble(text)
  return [...findByteSwaps(insns, 0, insns.length).values()].map(({ bits }) => bits)
}

/** r0 of `text`, which finds a value in r1. */
function run(text: string): bigint {
  return executeRawOnAll(assemble(`r1 = ${VALUE} ll\n${text}\nexit`)).r0
}

const SWAP32 = `w2 = w1
  w2 >>= 24
  w3 = w1
  w3 >>= 8
  w3 &= 0xff00
  w4 = w1
  w4 <<= 8
  w4 &= 0xff0000
  w1 <<= 24
  w1 |= w4
  w1 |= w3
  w1 |= w2
  w0 = w1`

/** Neighbours, then pairs, then halves are exchanged, with masks in registers. */
const STEPS64 = `r5 = 0x00ff00ff00ff00ff ll
  r6 = 0x0000ffff0000ffff ll
  r2 = r1
  r2 >>= 8
  r2 &= r5
  r1 &= r5
  r1 <<= 8
  r1 |= r2
  r2 = r1
  r2 >>= 16
  r2 &= r6
  r1 &= r6
  r1 <<= 16
  r1 |= r2
  r2 = r1
  r2 >>= 32
  r1 <<= 32
  r1 |= r2
  r0 = r1`

const byteByByte = (bytes: number): string =>
  [
    'r0 = 0',
    ...Array.from(
      { length: bytes },
      (_, i) => `r2 = r1\nr2 >>= ${8 * i}\nr2 &= 255\nr2 <<= ${8 * (bytes - 1 - i)}\nr0 |= r2`,
    ),
  ].join('\n')

describe('byte swaps', () => {
  it('of 32 bits are found, and of the lower half of a value of 64', () => {
    expect(swapsOf(SWAP32)).toEqual([32])
    expect(run(SWAP32)).toBe(0x88776655n)
    expect(swapsOf(byteByByte(4))).toEqual([32])
    expect(run(byteByByte(4))).toBe(0x88776655n)
  })

  it('of 64 bits are found, whichever way they go', () => {
    expect(swapsOf(STEPS64)).toEqual([64])
    expect(run(STEPS64)).toBe(0x8877665544332211n)
    expect(swapsOf(byteByByte(8))).toEqual([64])
    expect(run(byteByByte(8))).toBe(0x8877665544332211n)
  })

  it('are not what has a byte in another place, or a bit less, or comes from two values', () => {
    for (const other of [
      SWAP32.replace('0xff0000', '0x7f0000'),
      SWAP32.replace('w3 >>= 8', 'w3 >>= 16'),
      SWAP32.replace('w4 = w1', 'w4 = w5'),
      SWAP32.replace('w1 |= w4', 'w1 += w4\nw1 += 1'),
      byteByByte(3),
    ]) {
      expect(swapsOf(other)).toEqual([])
      run(`r5 = r1\n${other}`)
    }
  })

  it('of a value that is wanted besides leave it as it is', () => {
    const text = `r5 = r1\n${SWAP32}\nr0 += r5`
    expect(run(text)).toBe(0x1122334455667788n + 0x88776655n)
  })
})
