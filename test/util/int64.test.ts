import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as int64 from '../../src/util/int64.ts'
import { runs, SEED } from '../support/runs.ts'

const { lowHalf, highHalf, pairToU64 } = int64
const u64 = (x: bigint): bigint => BigInt.asUintN(64, x)
const s64 = (x: bigint): bigint => BigInt.asIntN(64, x)

/** 64-bit values of all magnitudes, and those next to the borders where carries and signs go wrong. */
const value: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc
    .tuple(fc.integer({ min: 0, max: 64 }), fc.bigInt({ min: -3n, max: 3n }), fc.boolean())
    .map(([bit, delta, negate]) => u64((negate ? -1n : 1n) * (2n ** BigInt(bit) + delta))),
  fc
    .tuple(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.integer({ min: 0, max: 63 }))
    .map(([x, n]) => x >> BigInt(n)),
)

type Binary = (out: Int32Array, at: number, aLow: number, aHigh: number, bLow: number, bHigh: number) => void
type Shift = (out: Int32Array, at: number, low: number, high: number, count: number) => void

function binary(operation: Binary, a: bigint, b: bigint): bigint {
  const out = new Int32Array(4)
  operation(out, 2, lowHalf(a), highHalf(a), lowHalf(b), highHalf(b))
  expect([out[0], out[1]]).toEqual([0, 0])
  return pairToU64(out[2]!, out[3]!)
}

function shift(operation: Shift, a: bigint, count: number): bigint {
  const out = new Int32Array(2)
  operation(out, 0, lowHalf(a), highHalf(a), count)
  return pairToU64(out[0]!, out[1]!)
}

const truncatedDiv = (a: bigint, b: bigint): bigint => (b === 0n ? 0n : a / b)
const truncatedMod = (a: bigint, b: bigint): bigint => (b === 0n ? a : a % b)

const BINARY: readonly [string, Binary, (a: bigint, b: bigint) => bigint][] = [
  ['mul64', int64.mul64, (a, b) => a * b],
  ['divU64', int64.divU64, truncatedDiv],
  ['modU64', int64.modU64, truncatedMod],
  ['divS64', int64.divS64, (a, b) => truncatedDiv(s64(a), s64(b))],
  ['modS64', int64.modS64, (a, b) => truncatedMod(s64(a), s64(b))],
]

const SHIFTS: readonly [string, Shift, (a: bigint, n: bigint) => bigint][] = [
  ['lsh64', int64.lsh64, (a, n) => a << n],
  ['rsh64', int64.rsh64, (a, n) => a >> n],
  ['arsh64', int64.arsh64, (a, n) => s64(a) >> n],
]

describe('64-bit arithmetic on pairs equals BigInt', () => {
  for (const [name, operation, reference] of BINARY) {
    it(name, () => {
      fc.assert(
        fc.property(value, value, (a, b) => binary(operation, a, b) === u64(reference(a, b))),
        { seed: SEED, numRuns: runs(20000) },
      )
    })
  }
  for (const [name, operation, reference] of SHIFTS) {
    it(name, () => {
      fc.assert(
        fc.property(
          value,
          fc.integer({ min: -128, max: 128 }),
          (a, n) => shift(operation, a, n) === u64(reference(a, BigInt(n & 63))),
        ),
        { seed: SEED, numRuns: runs(20000) },
      )
    })
  }
  it('negation, comparisons and byte swaps', () => {
    const out = new Int32Array(2)
    fc.assert(
      fc.property(value, value, (a, b) => {
        int64.neg64(out, 0, lowHalf(a), highHalf(a))
        expect(pairToU64(out[0]!, out[1]!)).toBe(u64(-a))
        expect(int64.ltU64(lowHalf(a), highHalf(a), lowHalf(b), highHalf(b))).toBe(a < b)
        expect(int64.ltS64(lowHalf(a), highHalf(a), lowHalf(b), highHalf(b))).toBe(s64(a) < s64(b))
        const view = new DataView(new ArrayBuffer(4))
        view.setInt32(0, lowHalf(a), true)
        expect(int64.swap32(lowHalf(a)) | 0).toBe(view.getInt32(0, false))
        expect(int64.swap16(lowHalf(a))).toBe(view.getUint16(0, false))
      }),
      { seed: SEED, numRuns: runs(20000) },
    )
  })
})

describe('the odd cases that RFC 9669 fixes', () => {
  const MIN = 1n << 63n
  it.each([
    ['divU64', int64.divU64, 5n, 0n, 0n],
    ['modU64', int64.modU64, 5n, 0n, 5n],
    ['divS64', int64.divS64, MIN, u64(-1n), MIN],
    ['modS64', int64.modS64, MIN, u64(-1n), 0n],
    ['divS64', int64.divS64, u64(-7n), 2n, u64(-3n)],
    ['modS64', int64.modS64, u64(-7n), 2n, u64(-1n)],
    ['modS64', int64.modS64, u64(-7n), 0n, u64(-7n)],
    ['divU64', int64.divU64, u64(-1n), 1n, u64(-1n)],
  ] as const)('%s', (_name, operation, a, b, expected) => {
    expect(binary(operation, a, b)).toBe(expected)
  })
})
