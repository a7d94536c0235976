/**
 * Every comparison, on every pair of things that can be known of numbers of a few bits: it is decided only where it goes
 * one way for all numbers; each way keeps every number that can go it; and how often both are the best possible does not
 * get less.
 */
import { describe, it } from 'vitest'
import type { JumpOp } from '../../../src/isa/index.ts'
import { type BranchRefinement, branchTaken, refineBranch } from '../../../src/verifier/domain/branch.ts'
import { type Scalar, UNKNOWN } from '../../../src/verifier/domain/scalar.ts'
import { compareHull, type Hull, hullOf } from './hull.ts'
import { holdPrecision } from './precision.ts'
import { LOW_BITS, PLACES, type Place, type Universe, universe } from './small-width.ts'

/** All pairs of four bits; the long run has those that take two minutes, `ANYBPF_EXHAUSTIVE=1` all. */
const EXHAUSTIVE = process.env['ANYBPF_EXHAUSTIVE'] === '1'
const LONG = EXHAUSTIVE || process.env['ANYBPF_LONG'] === '1'

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

interface Counts {
  /** Pairs for which the comparison goes one way, and for how many of them this was found. */
  oneWay: number
  decided: number
  /** Sides (two operands, two ways) that are left, and for how many nothing more could be said. */
  sides: number
  optimal: number
}

function tryPairs(u: Universe, op: JumpOp, width: 32 | 64): Counts {
  const low = (n: bigint): bigint => BigInt.asUintN(width, n)
  // For each number, the set of those on the other side for which the comparison holds.
  const holdsFor = u.numbers.map((a) => setOf(u.numbers, (b) => COMPARE[op](low(a), low(b), width)))
  const heldBy = u.numbers.map((b) => setOf(u.numbers, (a) => COMPARE[op](low(a), low(b), width)))
  const hulls = new Map<number, Hull>()
  const out: BranchRefinement = { trueA: UNKNOWN, trueB: UNKNOWN, falseA: UNKNOWN, falseB: UNKNOWN }
  const counts = { oneWay: 0, decided: 0, sides: 0, optimal: 0 }
  const check = (set: number, scalar: Scalar): void => {
    let hull = hulls.get(set)
    if (hull === undefined) {
      hull = hullOf(u.numbers.filter((_, x) => (set & (1 << x)) !== 0))
      hulls.set(set, hull)
    }
    const verdict = compareHull(hull, scalar)
    if (verdict === 'unsound') throw new Error(`unsound: ${JSON.stringify([set, scalar, [...hull]])}`)
    counts.sides++
    if (verdict === 'optimal') counts.optimal++
  }
  for (const a of u.all) {
    for (const b of u.all) {
      const trueA = going(holdsFor, b.members, true, a.members)
      const falseA = going(holdsFor, b.members, false, a.members)
      const taken = branchTaken(op, width, a.scalar, b.scalar)
      if (trueA === 0 || falseA === 0) {
        counts.oneWay++
        if (taken !== -1) counts.decided++
      }
      if ((taken === 1 && falseA !== 0) || (taken === 0 && trueA !== 0)) {
        throw new Error(`decided ${taken}: ${JSON.stringify([a, b])}`)
      }
      if (taken !== -1) continue
      refineBranch(op, width, a.scalar, b.scalar, out)
      if (trueA !== 0) {
        check(trueA, out.trueA)
        check(going(heldBy, a.members, true, b.members), out.trueB)
      }
      if (falseA !== 0) {
        check(falseA, out.falseA)
        check(going(heldBy, a.members, false, b.members), out.falseB)
      }
    }
  }
  return counts
}

function setOf(numbers: readonly bigint[], test: (n: bigint) => boolean): number {
  return numbers.reduce((set, n, x) => (test(n) ? set | (1 << x) : set), 0)
}

/** Those of `among` for which the comparison holds (or fails) with one of `others`. */
function going(mine: readonly number[], others: number, holds: boolean, among: number): number {
  let set = 0
  for (let x = 0; x < mine.length; x++) {
    if ((among & (1 << x)) === 0) continue
    if (((holds ? mine[x]! : ~mine[x]!) & others) !== 0) set |= 1 << x
  }
  return set
}

interface Suite {
  readonly place: Place
  readonly bits: number
  readonly plain: boolean
}

const SUITES: readonly Suite[] = [
  { place: LOW_BITS, bits: 3, plain: false },
  ...PLACES.slice(1).map((place) => ({ place, bits: 3, plain: !EXHAUSTIVE })),
  ...(LONG ? PLACES.slice(1).map((place) => ({ place, bits: 4, plain: true })) : []),
  ...(EXHAUSTIVE ? [{ place: LOW_BITS, bits: 4, plain: false }] : []),
]

describe.each(SUITES)('$bits bits, $place.name (plain: $plain)', ({ place, bits, plain }) => {
  const u = universe(place, bits, plain)
  it.each(Object.keys(COMPARE) as JumpOp[])('%s is decided and refined soundly', { timeout: 600_000 }, (op) => {
    for (const width of [64, 32] as const) {
      const { oneWay, decided, sides, optimal } = tryPairs(u, op, width)
      const label = `${place.name}, ${bits} bits${plain ? ', plain' : ''}: ${op}${width}`
      if (oneWay > 0) holdPrecision(`${label} decided`, decided / oneWay)
      if (sides > 0) holdPrecision(`${label} refined`, optimal / sides)
    }
  })
})
