/**
 * Numbers of a few bits, laid somewhere into 64, and everything that a scalar can say of them: small enough to try all.
 *
 * A *place* says where the bits lie, since the hard cases are at the seams: the sign, the low half's sign, the middle. A
 * *hull* is the most that any scalar could say of a set of numbers: sixteen integers in the order of the fields of Scalar.
 * @module
 */

import { highHalf, lowHalf } from '../../../src/util/int64.ts'
import { isWithin } from '../../../src/verifier/domain/compare.ts'
import { intersect, synchroniseInRounds } from '../../../src/verifier/domain/refine.ts'
import { constantPair, type Scalar, UNKNOWN } from '../../../src/verifier/domain/scalar.ts'
import { load, work } from '../../../src/verifier/domain/work.ts'
import { hullOf } from './hull.ts'

/** In which order a range is one: of the whole number, or of its low half. */
type Order = 'u64' | 's64' | 's32'

export interface Place {
  readonly name: string
  /** The 64-bit number for a small one, unsigned. */
  readonly embed: (small: number, bits: number) => bigint
  /** The ranges to try: an order that gives no new ones is left out. */
  readonly orders: readonly Order[]
}

export const LOW_BITS: Place = { name: 'low bits', embed: (x) => BigInt(x), orders: ['u64'] }

export const SIGN_EXTENDED: Place = {
  name: 'sign-extended',
  embed: (x, bits) => BigInt.asUintN(64, BigInt.asIntN(bits, BigInt(x))),
  orders: ['u64', 's64'],
}

export const PLACES: readonly Place[] = [
  LOW_BITS,
  SIGN_EXTENDED,
  {
    name: 'sign-extended low half',
    embed: (x, bits) => BigInt.asUintN(32, BigInt.asIntN(bits, BigInt(x))),
    orders: ['u64', 's32'],
  },
  {
    name: 'over the middle',
    embed: (x, bits) => BigInt(x) << BigInt(32 - (bits >> 1)),
    orders: ['u64', 's32'],
  },
  { name: 'top bits', embed: (x, bits) => BigInt(x) << BigInt(64 - bits), orders: ['u64', 's64'] },
]

/** A scalar with the set of small numbers that it describes, one bit each. */
export interface Abstraction {
  readonly scalar: Scalar
  readonly members: number
}

export interface Universe {
  readonly numbers: readonly bigint[]
  readonly all: readonly Abstraction[]
}

/**
 * What synchronised scalars say of `bits`-bit numbers in `place`, without repetition: all that is made of bits and of a
 * range; if `plain`, of one of the two.
 */
export function universe(place: Place, bits: number, plain = false): Universe {
  const count = 1 << bits
  const numbers = Array.from({ length: count }, (_, x) => place.embed(x, bits))
  const values = numbers.map((n) => constantPair(lowHalf(n), highHalf(n)))
  const tnums = tnumsOf(numbers, bits)
  const ranges = place.orders.flatMap((order) => rangesOf(numbers, order))
  const found = new Map<string, Abstraction>()
  const add = (scalar: Scalar): void => {
    let members = 0
    for (let x = 0; x < count; x++) if (isWithin(values[x]!, scalar)) members |= 1 << x
    if (members !== 0) found.set(Object.values(scalar).join(), { scalar, members })
  }
  if (plain) {
    const any = tnums.at(-1)!
    for (const tnum of tnums) add(tnum)
    for (const range of ranges) add(intersect(any, range))
  } else {
    for (const tnum of tnums) for (const range of ranges) add(intersect(tnum, range))
  }
  return { numbers, all: [...found.values()] }
}

/** One scalar for each choice of known bits among the small number's; the last one knows none of them. */
function tnumsOf(numbers: readonly bigint[], bits: number): Scalar[] {
  const out: Scalar[] = []
  for (let mask = 0; mask < 1 << bits; mask++) {
    for (let value = 0; value < 1 << bits; value++) {
      if ((value & mask) !== 0) continue
      load(UNKNOWN)
      work.set(hullOf(numbers.filter((_, x) => (x & ~mask) === value)).subarray(0, 4))
      out.push(synchroniseInRounds(undefined))
    }
  }
  return out
}

function rangesOf(numbers: readonly bigint[], order: Order): Scalar[] {
  const key = (n: bigint): bigint =>
    order === 'u64' ? n : order === 's64' ? BigInt.asIntN(64, n) : BigInt.asIntN(32, n)
  const sorted = [...numbers].sort((a, b) => (key(a) < key(b) ? -1 : 1))
  const out: Scalar[] = []
  for (let i = 0; i < sorted.length; i++) {
    for (let j = i; j < sorted.length; j++) {
      const min = sorted[i]!
      const max = sorted[j]!
      load(UNKNOWN)
      if (order === 's32') work.set([lowHalf(min), lowHalf(max)], 14)
      else work.set([lowHalf(min), highHalf(min), lowHalf(max), highHalf(max)], order === 's64' ? 8 : 4)
      out.push(synchroniseInRounds(undefined))
    }
  }
  return out
}
