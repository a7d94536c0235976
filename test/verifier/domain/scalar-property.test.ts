/**
 * At full width, by property: whatever is known of two numbers, it holds of what the machine makes of them; and the parts
 * of a scalar are brought together exactly as by a plain implementation on BigInt.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JumpOp } from '../../../src/isa/index.ts'
import { highHalf, lowHalf, pairToU64 } from '../../../src/util/int64.ts'
import { alu, endian, negate } from '../../../src/verifier/domain/arithmetic.ts'
import { branchTaken, refineBranch } from '../../../src/verifier/domain/branch.ts'
import { isAligned, isWithin, sameScalar } from '../../../src/verifier/domain/compare.ts'
import { signExtend, truncate, zeroExtend32 } from '../../../src/verifier/domain/extend.ts'
import { movePointer, movePointerBack } from '../../../src/verifier/domain/pointer.ts'
import {
  intersect,
  resynchronise,
  scalarBetween,
  synchronise,
  synchroniseInRounds,
  within,
  withTnum,
  withUnsignedRange,
} from '../../../src/verifier/domain/refine.ts'
import {
  constantOf,
  constantPair,
  type Scalar,
  UNKNOWN,
  UNKNOWN_32,
  ZERO,
} from '../../../src/verifier/domain/scalar.ts'
import { tnumAdd, tnumMul, tnumSub } from '../../../src/verifier/domain/tnum.ts'
import { work } from '../../../src/verifier/domain/work.ts'
import { runs, SEED } from '../../support/runs.ts'
import {
  type BigTnum,
  bigAdd,
  bigSynchronise,
  bigTnumAdd,
  bigTnumMul,
  bigTnumSub,
  fromBig,
  holds,
  toBig,
} from './bigint-scalar.ts'

const PARAMETERS = { seed: SEED, numRuns: runs(6_000) }
const u64 = (n: bigint): bigint => BigInt.asUintN(64, n)

/** Numbers at and around the ends of everything, among others. */
const number = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc
    .tuple(fc.integer({ min: 0, max: 64 }), fc.bigInt({ min: -3n, max: 3n }))
    .map(([shift, delta]) => u64((1n << BigInt(shift)) + delta)),
  fc.bigInt({ min: -300n, max: 300n }).map(u64),
  fc.tuple(fc.integer(), fc.bigInt({ min: -40n, max: 40n })).map(([high, low]) => u64((BigInt(high) << 32n) + low)),
)

/** A number, and a scalar that describes it and some others. */
const described = fc
  .tuple(number, number, number, number, fc.integer({ min: 0, max: 15 }), fc.nat({ max: 4 }))
  .map(([n, a, b, mask, parts, narrow]): { n: bigint; scalar: Scalar } => {
    const low = BigInt.asUintN(32, n)
    const least = (x: bigint, y: bigint): bigint => (x < y ? x : y)
    const most = (x: bigint, y: bigint): bigint => (x > y ? x : y)
    const signed = (x: bigint): bigint => BigInt.asIntN(64, x)
    const a32 = BigInt.asUintN(32, a)
    const b32 = BigInt.asUintN(32, b)
    const bits = narrow === 0 ? mask : mask & u64((1n << BigInt(narrow * 8)) - 1n)
    const whole = toBig(UNKNOWN)
    const scalar = fromBig(
      bigSynchronise({
        ...whole,
        ...(parts & 1 ? { bits: { value: n & ~bits, mask: bits } } : {}),
        ...(parts & 2 ? { umin: least(n, a), umax: most(n, b) } : {}),
        ...(parts & 4 ? { smin: least(signed(n), signed(b)), smax: most(signed(n), signed(a)) } : {}),
        ...(parts & 8 ? { u32min: least(low, a32), u32max: most(low, b32) } : {}),
      }),
    )
    return { n, scalar }
  })

/** Sixteen parts that need not agree, nor describe anything. */
const anyParts = fc
  .tuple(fc.array(number, { minLength: 6, maxLength: 6 }), fc.array(fc.integer(), { minLength: 4, maxLength: 4 }))
  .map(([pairs, lows]) => {
    const parts = new Int32Array(16)
    pairs.forEach((n, i) => {
      parts[i * 2] = lowHalf(n)
      parts[i * 2 + 1] = highHalf(n)
    })
    parts[0] = parts[0]! & ~parts[2]!
    parts[1] = parts[1]! & ~parts[3]!
    parts.set(lows, 12)
    return parts
  })

const tnum = fc.tuple(number, number).map(([value, mask]): BigTnum => ({ value: value & ~mask, mask }))

const COMPARE: Readonly<Record<JumpOp, (a: bigint, b: bigint, width: number) => boolean>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  set: (a, b) => (a & b) !== 0n,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  sgt: (a, b, width) => BigInt.asIntN(width, a) > BigInt.asIntN(width, b),
  sge: (a, b, width) => BigInt.asIntN(width, a) >= BigInt.asIntN(width, b),
  slt: (a, b, width) => BigInt.asIntN(width, a) < BigInt.asIntN(width, b),
  sle: (a, b, width) => BigInt.asIntN(width, a) <= BigInt.asIntN(width, b),
}

const COMPUTE = {
  add: (a: bigint, b: bigint) => a + b,
  sub: (a: bigint, b: bigint) => a - b,
  mul: (a: bigint, b: bigint) => a * b,
  and: (a: bigint, b: bigint) => a & b,
  or: (a: bigint, b: bigint) => a | b,
  xor: (a: bigint, b: bigint) => a ^ b,
  mov: (_: bigint, b: bigint) => b,
} as const

const width = fc.constantFrom(64 as const, 32 as const)

describe('tnums', () => {
  it.each([
    ['add', tnumAdd, bigTnumAdd],
    ['sub', tnumSub, bigTnumSub],
    ['mul', tnumMul, bigTnumMul],
  ] as const)('%s on pairs as on BigInt', (_, fast, plain) => {
    const out = new Int32Array(4)
    const halves = (t: BigTnum) => [lowHalf(t.value), highHalf(t.value), lowHalf(t.mask), highHalf(t.mask)] as const
    fc.assert(
      fc.property(tnum, tnum, (a, b) => {
        fast(out, ...halves(a), ...halves(b))
        expect([...out]).toEqual([...halves(plain(a, b))])
      }),
      PARAMETERS,
    )
  })
})

describe('synchronisation', () => {
  it('gives what the plain implementation gives, for parts that contradict each other too', () => {
    fc.assert(
      fc.property(anyParts, (parts) => {
        work.set(parts)
        const plain = fromBig(bigSynchronise(toBig(Reflect.construct(ScalarOf, [...parts]) as Scalar)))
        expect({ ...synchroniseInRounds(undefined) }).toEqual({ ...plain })
      }),
      PARAMETERS,
    )
  })

  it('takes the short way for small numbers to the same end', () => {
    const small = fc.integer({ min: -1, max: 40 })
    const high = fc.constantFrom(0, 0, 0, -1, 1, -0x80000000, 0x7fffffff)
    const parts = fc.tuple(
      fc.array(fc.tuple(small, high), { minLength: 6, maxLength: 6 }),
      fc.array(fc.oneof(small, fc.constantFrom(-0x80000000, 0x7fffffff, -1, 0)), { minLength: 4, maxLength: 4 }),
    )
    fc.assert(
      fc.property(parts, ([pairs, lows]) => {
        const all = [...pairs.flat(), ...lows]
        all[0]! &= ~all[2]!
        all[1] = 0
        work.set(all)
        const short = synchronise(undefined)
        work.set(all)
        expect({ ...short }).toEqual({ ...synchroniseInRounds(undefined) })
      }),
      { ...PARAMETERS, numRuns: runs(40_000) },
    )
  })

  it('loses no number, and gives the same object where nothing is learnt', () => {
    fc.assert(
      fc.property(described, ({ n, scalar }) => {
        expect(holds(scalar, n)).toBe(true)
        const again = resynchronise(scalar)
        expect(holds(again, n)).toBe(true)
        expect(again === scalar || again === UNKNOWN).toBe(sameScalar(again, scalar))
        const settled = resynchronise(resynchronise(again))
        expect(resynchronise(settled)).toBe(settled)
      }),
      PARAMETERS,
    )
  })

  it('gives the shared objects for nothing known and for small constants', () => {
    expect(intersect(UNKNOWN, UNKNOWN)).toBe(UNKNOWN)
    expect(scalarBetween({})).toBe(UNKNOWN)
    expect(scalarBetween({ umax: 0xffffffff })).toBe(UNKNOWN_32)
    expect(withUnsignedRange(UNKNOWN, 7, 7)).toBe(constantOf(7))
    expect(alu('sub', 64, constantOf(9), constantOf(9))).toBe(ZERO)
  })

  it('knows what it is told, in numbers and in bits', () => {
    const s = scalarBetween({ smin: -4095, smax: 100 })
    expect([s.smin, s.smax, s.s32min, s.s32max]).toEqual([-4095, 100, -4095, 100])
    const both = within(withUnsignedRange(UNKNOWN, 3, 2 ** 40), { smin: -5, smax: 2 ** 33 })
    expect([both.umin, both.umax, both.smin, both.smax]).toEqual([3, 2 ** 33, 3, 2 ** 33])
    const even = withTnum(scalarBetween({ umax: 9 }), 0, 0, -2, -1)
    expect([even.umin, even.umax, even.maskLow]).toEqual([0, 9, 14])
  })
})

/** Builds a scalar of parts in order. */
const ScalarOf = UNKNOWN.constructor as new (...parts: number[]) => Scalar

describe('transfer functions', () => {
  it.each(Object.keys(COMPUTE) as (keyof typeof COMPUTE)[])('%s holds what the machine computes', (op) => {
    fc.assert(
      fc.property(described, described, width, (a, b, bits) => {
        const result = BigInt.asUintN(bits, COMPUTE[op](a.n, b.n))
        expect(holds(alu(op, bits, a.scalar, b.scalar), result)).toBe(true)
      }),
      PARAMETERS,
    )
  })

  it('add is what the plain implementation gives', () => {
    fc.assert(
      fc.property(described, described, (a, b) => {
        expect({ ...alu('add', 64, a.scalar, b.scalar) }).toEqual({
          ...fromBig(bigAdd(toBig(a.scalar), toBig(b.scalar))),
        })
      }),
      PARAMETERS,
    )
  })

  it.each(['lsh', 'rsh', 'arsh'] as const)('%s holds what the machine computes', (op) => {
    fc.assert(
      fc.property(described, fc.nat({ max: 63 }), width, (a, shift, bits) => {
        const count = shift % bits
        const n = BigInt.asUintN(bits, a.n)
        const by = BigInt(count)
        const result = op === 'lsh' ? n << by : op === 'rsh' ? n >> by : BigInt.asIntN(bits, n) >> by
        expect(holds(alu(op, bits, a.scalar, constantOf(count)), BigInt.asUintN(bits, result))).toBe(true)
      }),
      PARAMETERS,
    )
  })

  it('negation, extension, truncation and byte order hold what the machine computes', () => {
    const bytes = fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const)
    const from = fc.constantFrom(8 as const, 16 as const, 32 as const)
    const swapBits = fc.constantFrom(16 as const, 32 as const, 64 as const)
    fc.assert(
      fc.property(described, width, bytes, from, swapBits, ({ n, scalar }, bits, size, narrow, swapped) => {
        expect(holds(negate(bits, scalar), BigInt.asUintN(bits, -n))).toBe(true)
        expect(holds(zeroExtend32(scalar), BigInt.asUintN(32, n))).toBe(true)
        expect(holds(truncate(scalar, size), BigInt.asUintN(size * 8, n))).toBe(true)
        if (bits === 64 || narrow !== 32) {
          expect(holds(signExtend(scalar, narrow, bits), BigInt.asUintN(bits, BigInt.asIntN(narrow, n)))).toBe(true)
        }
        let reversed = 0n
        for (let i = 0; i < swapped; i += 8) reversed = (reversed << 8n) | ((n >> BigInt(i)) & 0xffn)
        expect(holds(endian('bswap', swapped, scalar), reversed)).toBe(true)
        expect(holds(endian('be', swapped, scalar), reversed)).toBe(true)
        expect(holds(endian('le', swapped, scalar), BigInt.asUintN(swapped, n))).toBe(true)
      }),
      PARAMETERS,
    )
  })

  it('a pointer moves by what the scalar can be', () => {
    fc.assert(
      fc.property(described, described, (a, b) => {
        expect(holds(movePointer(a.scalar, b.scalar), u64(a.n + b.n))).toBe(true)
        expect(holds(movePointerBack(a.scalar, b.scalar), u64(a.n - b.n))).toBe(true)
      }),
      PARAMETERS,
    )
  })
})

describe('comparisons', () => {
  it.each(Object.keys(COMPARE) as JumpOp[])('%s goes the way the numbers go, and keeps them on it', (op) => {
    const out = { trueA: UNKNOWN, trueB: UNKNOWN, falseA: UNKNOWN, falseB: UNKNOWN }
    fc.assert(
      fc.property(described, described, fc.boolean(), width, (a, other, same, bits) => {
        // Equal numbers are rare among random ones.
        const b = same ? { n: a.n, scalar: intersect(a.scalar, UNKNOWN) } : other
        const holdsHere = COMPARE[op](BigInt.asUintN(bits, a.n), BigInt.asUintN(bits, b.n), bits)
        const taken = branchTaken(op, bits, a.scalar, b.scalar)
        if (taken !== -1) {
          expect(taken).toBe(holdsHere ? 1 : 0)
          return
        }
        refineBranch(op, bits, a.scalar, b.scalar, out)
        expect(holds(holdsHere ? out.trueA : out.falseA, a.n)).toBe(true)
        expect(holds(holdsHere ? out.trueB : out.falseB, b.n)).toBe(true)
      }),
      PARAMETERS,
    )
  })
})

describe('relations', () => {
  it('containment is that of the numbers: a scalar holds what lies within it', () => {
    fc.assert(
      fc.property(described, described, (a, b) => {
        const both = intersect(a.scalar, b.scalar)
        const constant = constantPair(lowHalf(a.n), highHalf(a.n))
        expect(isWithin(constant, a.scalar)).toBe(true)
        expect(isWithin(constant, b.scalar)).toBe(holds(b.scalar, a.n))
        if (isWithin(a.scalar, b.scalar)) expect(holds(b.scalar, a.n)).toBe(true)
        if (holds(b.scalar, a.n)) expect(holds(both, a.n)).toBe(true)
        expect(sameScalar(a.scalar, b.scalar)).toBe(isWithin(a.scalar, b.scalar) && isWithin(b.scalar, a.scalar))
      }),
      PARAMETERS,
    )
  })

  it('an aligned offset is a multiple, whatever the number', () => {
    const size = fc.constantFrom(1, 2, 4, 8)
    fc.assert(
      fc.property(described, fc.integer(), size, ({ n, scalar }, extra, bytes) => {
        const rest = u64(n + BigInt(extra)) % BigInt(bytes)
        if (isAligned(scalar, extra, bytes)) expect(rest).toBe(0n)
        if (scalar.isConstant) expect(isAligned(scalar, extra, bytes)).toBe(rest === 0n)
      }),
      PARAMETERS,
    )
    expect(isAligned(UNKNOWN, 0, 0)).toBe(true)
  })

  it('reads bounds back in order', () => {
    fc.assert(
      fc.property(described, ({ scalar }) => {
        expect(Number(pairToU64(scalar.umaxLow, scalar.umaxHigh))).toBe(scalar.umax)
        expect(scalar.smin).toBe(Number(BigInt.asIntN(64, pairToU64(scalar.sminLow, scalar.sminHigh))))
      }),
      PARAMETERS,
    )
  })
})
