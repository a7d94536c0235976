/**
 * Every transfer function, on every pair of things that can be known of numbers of a few bits: the result holds every
 * number that can come out (sound), and how often nothing more could be said of them (optimal) does not get less.
 */
import { describe, expect, it } from 'vitest'
import type { AluOp } from '../../../src/isa/index.ts'
import { alu, endian, negate } from '../../../src/verifier/domain/arithmetic.ts'
import { signExtend, truncate, zeroExtend32 } from '../../../src/verifier/domain/extend.ts'
import { constantOf, type Scalar } from '../../../src/verifier/domain/scalar.ts'
import { compareHull, type Hull, hullOfOne, joinHulls } from './hull.ts'
import { holdPrecision } from './precision.ts'
import { LOW_BITS, PLACES, type Place, SIGN_EXTENDED, type Universe, universe } from './small-width.ts'

/** All pairs of four bits; the long run has those that take a minute, `ANYBPF_EXHAUSTIVE=1` the others, and five bits. */
const EXHAUSTIVE = process.env['ANYBPF_EXHAUSTIVE'] === '1'
const LONG = EXHAUSTIVE || process.env['ANYBPF_LONG'] === '1'
const mask = (width: number): bigint => (1n << BigInt(width)) - 1n

/** What the machine computes; the count of a shift is below the width. */
function concrete(op: AluOp, width: 32 | 64, a: bigint, b: bigint): bigint {
  const x = a & mask(width)
  const y = b & mask(width)
  const result = {
    add: () => x + y,
    sub: () => x - y,
    mul: () => x * y,
    and: () => x & y,
    or: () => x | y,
    xor: () => x ^ y,
    lsh: () => x << y,
    rsh: () => x >> y,
    arsh: () => BigInt.asIntN(width, x) >> y,
    mov: () => y,
  }[op as 'add']()
  return BigInt.asUintN(width, result)
}

/** Compares `abstract` of every pair with the hull of what `compute` gives for their numbers. */
function tryPairs(
  u: Universe,
  compute: (a: bigint, b: bigint) => bigint,
  abstract: (a: Scalar, b: Scalar) => Scalar,
): { pairs: number; optimal: number } {
  const count = u.numbers.length
  const single = u.numbers.map((a) => u.numbers.map((b) => hullOfOne(compute(a, b))))
  const hull = new Int32Array(16)
  let optimal = 0
  for (const [members, alike] of groupByMembers(u)) {
    // For these `a`s: the hull for each set of eight neighbouring `b`s, so that a pair takes a join or two.
    const columns = single.map((_, b) => hullOfColumn(single, members, b))
    const eights = Array.from({ length: Math.ceil(count / 8) }, (_, eight) => {
      const sets: Hull[] = []
      for (let set = 1; set < 256; set++) {
        const lowest = 31 - Math.clz32(set & -set)
        const b = eight * 8 + lowest
        const one = columns[b]?.slice() ?? new Int32Array(16)
        if ((set & (set - 1)) !== 0) joinHulls(one, sets[set & (set - 1)]!)
        sets[set] = one
      }
      return sets
    })
    for (const b of u.all) {
      let first = true
      for (let eight = 0; eight < eights.length; eight++) {
        const set = (b.members >>> (eight * 8)) & 0xff
        if (set === 0) continue
        if (first) hull.set(eights[eight]![set]!)
        else joinHulls(hull, eights[eight]![set]!)
        first = false
      }
      for (const a of alike) {
        const verdict = compareHull(hull, abstract(a, b.scalar))
        if (verdict === 'optimal') optimal++
        else if (verdict === 'unsound') {
          throw new Error(`unsound: ${JSON.stringify([a, b.scalar, abstract(a, b.scalar), [...hull]])}`)
        }
      }
    }
  }
  return { pairs: u.all.length ** 2, optimal }
}

function groupByMembers(u: Universe): Map<number, Scalar[]> {
  const groups = new Map<number, Scalar[]>()
  for (const { scalar, members } of u.all) {
    const group = groups.get(members)
    if (group === undefined) groups.set(members, [scalar])
    else group.push(scalar)
  }
  return groups
}

/** What comes out of all of these `a`s with one b. */
function hullOfColumn(single: readonly (readonly Hull[])[], members: number, b: number): Hull {
  let hull: Hull | undefined
  for (let a = 0; a < single.length; a++) {
    if ((members & (1 << a)) === 0) continue
    if (hull === undefined) hull = single[a]![b]!.slice()
    else joinHulls(hull, single[a]![b]!)
  }
  return hull!
}

function tryEach(u: Universe, compute: (a: bigint) => bigint, abstract: (a: Scalar) => Scalar) {
  let optimal = 0
  for (const { scalar, members } of u.all) {
    let hull: Hull | undefined
    for (let x = 0; x < u.numbers.length; x++) {
      if ((members & (1 << x)) === 0) continue
      const one = hullOfOne(compute(u.numbers[x]!))
      if (hull === undefined) hull = one
      else joinHulls(hull, one)
    }
    const verdict = compareHull(hull!, abstract(scalar))
    if (verdict === 'optimal') optimal++
    else if (verdict === 'unsound') {
      throw new Error(`unsound: ${JSON.stringify([scalar, members, abstract(scalar), [...hull!]])}`)
    }
  }
  return { pairs: u.all.length, optimal }
}

/** Holds the share of optimal results against what it was when the thresholds were recorded. */
function hold(name: string, { pairs, optimal }: { pairs: number; optimal: number }): void {
  holdPrecision(name, optimal / pairs)
}

const BINARY = ['add', 'sub', 'mul', 'and', 'or', 'xor'] as const
const SHIFTS = ['lsh', 'rsh', 'arsh'] as const
const WIDTHS = [64, 32] as const

interface Suite {
  readonly place: Place
  readonly bits: number
  readonly plain: boolean
}

const SUITES: readonly Suite[] = [
  ...PLACES.map((place) => ({ place, bits: 3, plain: false })),
  { place: LOW_BITS, bits: 4, plain: true },
  ...(LONG ? [{ place: LOW_BITS, bits: 4, plain: false }] : []),
  ...(LONG ? PLACES.slice(2).map((place) => ({ place, bits: 4, plain: true })) : []),
  ...(EXHAUSTIVE ? [{ place: SIGN_EXTENDED, bits: 4, plain: false }] : []),
  ...(EXHAUSTIVE ? [{ place: LOW_BITS, bits: 5, plain: true }] : []),
]

describe.each(SUITES)('$bits bits, $place.name (plain: $plain)', ({ place, bits, plain }) => {
  const u = universe(place, bits, plain)
  const label = `${place.name}, ${bits} bits${plain ? ', plain' : ''}`

  it.each(BINARY)('%s of any two is sound, and as precise as it was', { timeout: 300_000 }, (op) => {
    for (const width of WIDTHS) {
      const counts = tryPairs(
        u,
        (a, b) => concrete(op, width, a, b),
        (a, b) => alu(op, width, a, b),
      )
      hold(`${label}: ${op}${width}`, counts)
    }
  })

  it.each(SHIFTS)('%s by any count is sound, and as precise as it was', (op) => {
    for (const width of WIDTHS) {
      const total = { pairs: 0, optimal: 0 }
      for (let n = 0; n < width; n++) {
        const counts = tryEach(
          u,
          (a) => concrete(op, width, a, BigInt(n)),
          (a) => alu(op, width, a, constantOf(n)),
        )
        total.pairs += counts.pairs
        total.optimal += counts.optimal
      }
      hold(`${label}: ${op}${width}`, total)
    }
  })

  it('negation, extension, truncation and byte order are sound, and as precise as they were', () => {
    for (const width of WIDTHS) {
      hold(
        `${label}: neg${width}`,
        tryEach(
          u,
          (a) => BigInt.asUintN(width, -a),
          (a) => negate(width, a),
        ),
      )
    }
    hold(
      `${label}: zext32`,
      tryEach(u, (a) => a & mask(32), zeroExtend32),
    )
    for (const bytes of [1, 2, 4, 8] as const) {
      const compute = (a: bigint): bigint => a & mask(bytes * 8)
      hold(
        `${label}: truncate${bytes}`,
        tryEach(u, compute, (a) => truncate(a, bytes)),
      )
    }
    for (const [from, width] of [
      [8, 64],
      [16, 64],
      [32, 64],
      [8, 32],
      [16, 32],
    ] as const) {
      const compute = (a: bigint): bigint => BigInt.asUintN(width, BigInt.asIntN(from, a))
      hold(
        `${label}: sext${from}to${width}`,
        tryEach(u, compute, (a) => signExtend(a, from, width)),
      )
    }
    for (const bits of [16, 32, 64] as const) {
      const swap = (a: bigint): bigint => {
        let out = 0n
        for (let i = 0; i < bits; i += 8) out = (out << 8n) | ((a >> BigInt(i)) & 0xffn)
        return out
      }
      hold(
        `${label}: bswap${bits}`,
        tryEach(u, swap, (a) => endian('bswap', bits, a)),
      )
      hold(
        `${label}: le${bits}`,
        tryEach(
          u,
          (a) => a & mask(bits),
          (a) => endian('le', bits, a),
        ),
      )
      hold(
        `${label}: be${bits}, big-endian program`,
        tryEach(
          u,
          (a) => a & mask(bits),
          (a) => endian('be', bits, a, 'big'),
        ),
      )
    }
  })
})

describe('what is not tracked', () => {
  it('gives an unknown number: division, remainder, shifts by an unknown or too great a count', () => {
    const five = constantOf(5)
    const u = universe(LOW_BITS, 3)
    for (const { scalar } of u.all) {
      for (const op of ['div', 'sdiv', 'mod', 'smod'] as const) expect(alu(op, 64, scalar, five).maskHigh).toBe(-1)
      for (const op of SHIFTS) {
        expect(alu(op, 64, five, constantOf(64)).maskHigh).toBe(-1)
        expect(alu(op, 32, scalar, constantOf(32)).maskHigh).toBe(-1)
        if (!scalar.isConstant) expect(alu(op, 64, five, scalar).maskHigh).toBe(-1)
      }
    }
  })
})
