/**
 * What the passes of the JIT find, and what they must not: on their own, beside the random programs that hold them all.
 */
import { describe, expect, it } from 'vitest'
import { assemble } from '../../../src/isa/index.ts'
import { SeededRandom } from '../../../src/util/index.ts'
import { BpfFault } from '../../../src/vm/index.ts'
import { extensionAt } from '../../../src/vm/jit/extensions.ts'
import { type CodeNode, type Flow, shapeOf } from '../../../src/vm/jit/flow.ts'
import { Relations, States } from '../../../src/vm/jit/relations.ts'
import { findSelections, registersOf } from '../../../src/vm/jit/selects.ts'
import { scanTraits } from '../../../src/vm/jit/traits.ts'
import { Bench, r0 } from '../support.ts'

const VARIABLES = 7

/** Relations and the values that they are about. */
class Model {
  readonly relations = new Relations(VARIABLES)
  readonly values: number[]

  constructor(random: SeededRandom) {
    this.values = Array.from({ length: VARIABLES }, () => random.below(1e6))
  }

  step(random: SeededRandom): void {
    const to = random.below(VARIABLES)
    if (random.below(4) === 0) {
      this.values[to] = random.below(1e6)
      this.relations.forget(to)
      return
    }
    const from = random.below(3) === 0 ? to : random.below(VARIABLES)
    const by = random.below(2000) - 1000
    this.values[to] = this.values[from]! + by
    this.relations.assign(to, from, by)
  }
}

/** Every pair in one class is as far apart as the state says; sizes and leaders are those of the classes. */
function expectSound({ leader, above, size }: Relations, values: readonly number[]): void {
  for (let i = 0; i < VARIABLES; i++) {
    const first = leader[i]!
    expect(first).toBeLessThanOrEqual(i)
    expect([leader[first], above[first]]).toEqual([first, 0])
    expect(values[i]! - values[first]!).toBe(above[i])
    expect(size[first]).toBe(leader.filter((other) => other === first).length)
  }
}

describe('relations', () => {
  it('hold of the values, whatever is done with them', () => {
    const random = new SeededRandom(1)
    for (let round = 0; round < 300; round++) {
      const model = new Model(random)
      for (let i = 0; i < 30; i++) {
        model.step(random)
        expectSound(model.relations, model.values)
      }
    }
  })

  it('that two states share are kept where they meet, and no others', () => {
    const random = new SeededRandom(2)
    let kept = 0
    for (let round = 0; round < 300; round++) {
      const [a, b] = [new Model(random), new Model(random)]
      // What both did in the same way.
      for (const seed of [round, round + 1000]) for (const one of [a, b]) one.step(new SeededRandom(seed))
      for (let i = random.below(4); i > 0; i--) random.below(2) === 0 ? a.step(random) : b.step(random)
      const before = new Relations(VARIABLES)
      before.copyFrom(a.relations)
      const lost = a.relations.meet(b.relations, new Relations(VARIABLES))
      expectSound(a.relations, a.values)
      expectSound(a.relations, b.values)
      for (let i = 0; i < VARIABLES; i++) {
        for (let j = 0; j < i; j++) {
          const says = ({ leader, above }: Relations) => (leader[i] === leader[j] ? above[i]! - above[j]! : undefined)
          const both = says(before) === says(b.relations) ? says(before) : undefined
          expect(says(a.relations)).toBe(both)
          if (both !== undefined) kept++
        }
      }
      expect(lost).toBe(before.leader.some((first, i) => first !== a.relations.leader[i]))
    }
    expect(kept).toBeGreaterThan(100)
  })

  it('are kept of each node as they were, and as what its ways share', () => {
    const random = new SeededRandom(3)
    const nodes = 40
    const states = new States(nodes, VARIABLES)
    const expected = Array.from({ length: nodes }, () => new Relations(VARIABLES))
    const scratch = new Relations(VARIABLES)
    for (let i = 0; i < 2000; i++) {
      const node = random.below(nodes)
      const model = new Model(random)
      for (let steps = random.below(8); steps > 0; steps--) model.step(random)
      const { relations } = model
      if (!states.has(node)) {
        states.add(node, relations)
        expected[node]!.copyFrom(relations)
      } else expect(states.meet(node, relations)).toBe(expected[node]!.meet(relations, scratch))
      states.load(node, scratch)
      expect(scratch).toEqual(expected[node])
      if (scratch.related === 0) expect(scratch).toEqual(new Relations(VARIABLES))
    }
  })
})

/** A flow of nodes [start, end), each with where it goes. */
function flowOf(...nodes: readonly (readonly [start: number, end: number, next: number[]])[]): Flow {
  return {
    nodes: nodes.map(
      ([start, end, next]): CodeNode => ({
        kind: 'code',
        start,
        end,
        last: end - 1,
        weight: end - start,
        indirect: false,
        traits: 0,
        select: undefined,
        next: [...next],
      }),
    ),
  }
}

/** What passes look at. */
function scoped(text: string) {
  const insns = assemble(text)
  return { insns, traits: scanTraits(insns, { helpers: new Map() }) }
}

describe('selections', () => {
  const found = (text: string, flow: Flow): boolean => findSelections(scoped(text), flow, shapeOf(flow))

  it('take the place of a jump around what only computes', () => {
    const flow = flowOf([0, 2, [1, 2]], [2, 4, [2]], [4, 5, []])
    expect(found('r0 = 1\nif r1 == 0 goto +2\nr0 = 2\nr3 += r0\nexit', flow)).toBe(true)
    const first = flow.nodes[0] as CodeNode
    expect(first.next).toEqual([2])
    expect(registersOf(scoped('r0 = 1\nif r1 == 0 goto +2\nr0 = 2\nr3 += r0\nexit').traits, first.select!)).toEqual([
      0, 3,
    ])
  })

  it.each([
    ['a load, which may trap', 'r0 = 1\nif r1 == 0 goto +2\nr0 = *(u64 *)(r1 + 0)\nr3 += r0\nexit'],
    ['a store', 'r0 = 1\nif r1 == 0 goto +2\n*(u64 *)(r1 + 0) = r0\nr3 += r0\nexit'],
    ['a division', 'r0 = 1\nif r1 == 0 goto +2\nr0 /= r2\nr3 += r0\nexit'],
    ['a call', 'r0 = 1\nif r1 == 0 goto +2\ncall 5\nr3 += r0\nexit'],
  ])('do not where it does more: %s', (_, text) => {
    expect(found(text, flowOf([0, 2, [1, 2]], [2, 4, [2]], [4, 5, []]))).toBe(false)
  })

  it('leave a binary search alone', () => {
    const text = `r4 = r1
      r4 += r2
      r5 = *(u8 *)(r4 + 0)
      if r5 < r3 goto +1
      r2 += 8
      r2 += 1
      if r2 < 64 goto -7
      exit`
    expect(found(text, flowOf([0, 4, [1, 2]], [4, 5, [2]], [5, 7, [3, 0]], [7, 8, []]))).toBe(false)
  })

  it('of several registers have the results of the way that is taken', () => {
    const run = (first: number, second: number): bigint =>
      r0(`r1 = ${first}\nr2 = ${second}\nr3 = 10\nr4 = 20\nr5 = 30
        if r1 s> r2 goto taken
        r3 += r4\nr4 = 7\nr5 ^= r3\ngoto meet
        taken:
        r4 -= r3\nr3 = r5
        meet:
        r0 = r3\nr0 *= 1000\nr0 += r4\nr0 *= 1000\nr0 += r5\nexit`)
    expect(run(1, 2)).toBe(30_007_000n)
    expect(run(2, 1)).toBe(30_010_030n)
  })
})

describe('extensions', () => {
  it.each([
    ['r1 <<= 32\nr1 >>= 32', { bits: 32, signed: false }],
    ['r1 <<= 56\nr1 s>>= 56', { bits: 8, signed: true }],
    ['r1 <<= 48\nr1 >>= 47', undefined],
    ['r1 <<= 32\nr2 >>= 32', undefined],
    ['w1 <<= 16\nw1 >>= 16', undefined],
    ['r1 <<= 24\nr1 >>= 24', undefined],
  ])('%s: %o', (text, expected) => {
    expect(extensionAt(assemble(text), 0, 2)).toEqual(expected)
    // A jump may lead to the second one.
    expect(extensionAt(assemble(text), 0, 1)).toBeUndefined()
  })
})

describe('page zero', () => {
  const faultOf = (text: string, r1: number): { kind: string; slot: number } | undefined => {
    const bench = new Bench([], 'jit')
    // All of it but the CPU's own block, at its end.
    const pageZero = () => bench.machine.memory.u8.slice(0, 65536 - 32)
    const before = pageZero()
    try {
      bench.run(bench.add(text), r1, 0, { budget: 0 })
    } catch (error) {
      expect(pageZero()).toEqual(before)
      if (error instanceof BpfFault) return { kind: error.kind, slot: error.slot }
      throw error
    }
    return undefined
  }

  it.each([
    ['*(u64 *)(r1 + 0) = 1\nexit', 0],
    ['*(u8 *)(r1 + 0) = 1\nexit', 65535],
    ['*(u8 *)(r1 + 32767) = 1\nexit', 0],
    ['*(u8 *)(r1 - 8) = 1\nexit', 65543],
    ['lock *(u32 *)(r1 + 4) += r2\nexit', 0],
    ['r2 = 16\nr2 += r1\n*(u8 *)(r2 + 0) = 1\nexit', 65519],
  ])('is not written by a program that nobody verified: %s, r1 = %i', (text, r1) => {
    const slot = text.split('\n').length - 2
    expect(faultOf(text, r1)).toEqual({ kind: 'out_of_bounds', slot })
  })

  it('ends where objects begin', () => {
    const bench = new Bench([], 'jit')
    const address = bench.machine.memory.allocate(16)
    for (const off of [0, 1000, 32760]) {
      const text = `r1 -= ${off}\n*(u64 *)(r1 + ${off}) = 77\nexit`
      expect(faultOf(text, address)).toBeUndefined()
    }
  })
})
