/**
 * How fast the verifier's numbers are, beside the same on BigInt objects: `npm run bench -- verifier-domain`.
 *
 * Both versions run in turn, so that other work on the machine strikes both; each figure is the best of many short rounds.
 * The BigInt version is the plain one that the tests compare results with.
 * @module
 */

import { formatTextTable } from '../src/util/index.ts'
import { alu } from '../src/verifier/domain/arithmetic.ts'
import { branchTaken, refineBranch } from '../src/verifier/domain/branch.ts'
import { constantOf, UNKNOWN } from '../src/verifier/domain/scalar.ts'
import { tnumAdd } from '../src/verifier/domain/tnum.ts'
import { bigAdd, bigTnumAdd, toBig } from '../test/verifier/domain/bigint-scalar.ts'

const ITERATIONS = 2_000
const ROUNDS = 200

/** What real programs compute with: lengths, indices, offsets, unknown words. */
const BYTE = alu('and', 64, UNKNOWN, constantOf(255))
const SCALARS = [
  BYTE,
  alu('add', 64, BYTE, constantOf(14)),
  alu('lsh', 64, BYTE, constantOf(3)),
  alu('and', 64, UNKNOWN, constantOf(0x7fffffff)),
  alu('sub', 64, BYTE, constantOf(20)),
  alu('rsh', 64, UNKNOWN, constantOf(40)),
  alu('add', 32, UNKNOWN, BYTE),
  constantOf(1000),
]
const BIG = SCALARS.map(toBig)
const N = SCALARS.length

/** Kept, so that the work is not thought useless. */
let sink: unknown

const out = new Int32Array(4)
const ways = { trueA: UNKNOWN, trueB: UNKNOWN, falseA: UNKNOWN, falseB: UNKNOWN }

interface Row {
  readonly name: string
  readonly fast: (i: number) => void
  readonly plain?: (i: number) => void
}

const ROWS: readonly Row[] = [
  {
    name: 'tnum: add',
    fast: (i) => {
      const a = SCALARS[i % N]!
      const b = SCALARS[(i >> 3) % N]!
      tnumAdd(out, a.valueLow, a.valueHigh, a.maskLow, a.maskHigh, b.valueLow, b.valueHigh, b.maskLow, b.maskHigh)
      sink = out
    },
    plain: (i) => {
      sink = bigTnumAdd(BIG[i % N]!.bits, BIG[(i >> 3) % N]!.bits)
    },
  },
  {
    name: 'scalar: add',
    fast: (i) => {
      sink = alu('add', 64, SCALARS[i % N]!, SCALARS[(i >> 3) % N]!)
    },
    plain: (i) => {
      sink = bigAdd(BIG[i % N]!, BIG[(i >> 3) % N]!)
    },
  },
  {
    name: 'scalar: add a constant to a byte',
    fast: (i) => {
      sink = alu('add', 64, BYTE, constantOf(i & 63))
    },
  },
  {
    name: 'scalar: add two constants',
    fast: (i) => {
      sink = alu('add', 64, constantOf(i & 127), constantOf(7))
    },
  },
  {
    name: 'scalar: and with a constant',
    fast: (i) => {
      sink = alu('and', 64, SCALARS[i % N]!, constantOf(127))
    },
  },
  {
    name: 'scalar: multiply by 24',
    fast: (i) => {
      sink = alu('mul', 64, SCALARS[i % N]!, constantOf(24))
    },
  },
  {
    name: 'branch: decide a < b',
    fast: (i) => {
      sink = branchTaken('lt', 64, SCALARS[i % N]!, SCALARS[(i >> 3) % N]!)
    },
  },
  {
    name: 'branch: both ways of a > constant',
    fast: (i) => {
      refineBranch('gt', 64, SCALARS[i % N]!, constantOf(i & 63), ways)
      sink = ways
    },
  },
]

function nanoseconds(body: (i: number) => void): number {
  const before = performance.now()
  for (let i = 0; i < ITERATIONS; i++) body(i)
  return ((performance.now() - before) * 1e6) / ITERATIONS
}

const best = ROWS.map(() => ({ fast: Number.POSITIVE_INFINITY, plain: Number.POSITIVE_INFINITY }))
for (let round = 0; round < ROUNDS; round++) {
  ROWS.forEach(({ fast, plain }, row) => {
    best[row]!.fast = Math.min(best[row]!.fast, nanoseconds(fast))
    if (plain !== undefined) best[row]!.plain = Math.min(best[row]!.plain, nanoseconds(plain))
  })
}

console.log(
  formatTextTable(
    [
      { title: 'what' },
      { title: 'pairs, ns', align: 'right' },
      { title: 'BigInt, ns', align: 'right' },
      { title: 'ratio', align: 'right' },
    ],
    ROWS.map(({ name, plain }, row) => {
      const { fast, plain: big } = best[row]!
      return [name, fast.toFixed(1), plain ? big.toFixed(1) : '', plain ? (big / fast).toFixed(1) : '']
    }),
  ),
)
if (sink === undefined) throw new Error('nothing was computed')
