/**
 * Dominators and loops: against the definitions, evaluated naively, on random graphs; against known answers on famous
 * ones; and with a bound on the work on graphs that make other algorithms quadratic.
 */
import { describe, expect, it } from 'vitest'
import { buildCfg, type Cfg, type WorkCounter } from '../../src/isa/cfg.ts'
import { computeDominators, dominates } from '../../src/isa/dominators.ts'
import type { Instruction } from '../../src/isa/instruction.ts'
import {
  EDGE_BACK,
  EDGE_DEAD,
  EDGE_FORWARD,
  EDGE_IRREDUCIBLE,
  findLoops,
  isLoopHeader,
  isMergeBlock,
  loopContains,
  loopDepth,
} from '../../src/isa/loops.ts'
import { SeededRandom } from '../../src/util/random.ts'
import { runs, SEED } from '../support/runs.ts'
import {
  branch,
  collapses,
  dominatesByDefinition,
  EXIT,
  goto,
  NOP,
  randomProgram,
  reachableFrom,
  successorsOf,
} from './cfg-support.ts'

describe('dominators', () => {
  it('of a diamond: its top dominates all, its sides nothing else', () => {
    const cfg = buildCfg([branch(2), NOP, goto(1), NOP, EXIT])
    const dominators = computeDominators(cfg)
    expect([...dominators.idom]).toEqual([-1, 0, 0, 0])
    expect([...dominators.order]).toEqual([0, 1, 2, 3])
    expect([...dominators.children]).toEqual([1, 2, 3])
    expect(dominates(dominators, 1, 3)).toBe(false)
    expect([0, 1, 2, 3].map((block) => isMergeBlock(cfg, dominators, block))).toEqual([false, false, false, true])
  })

  it('agree with the definition on random graphs', () => {
    const random = new SeededRandom(SEED + 2)
    let compared = 0
    for (let run = 0; run < runs(2000); run++) {
      const { insns, tables } = randomProgram(random, 24)
      const cfg = buildCfg(insns, 0, { indirectTargets: tables })
      const dominators = computeDominators(cfg)
      const where = `seed ${SEED}, run ${run}`
      const blocks = Array.from({ length: cfg.blockCount }, (_, i) => i)
      const truth = blocks.map((a) => blocks.map((b) => dominatesByDefinition(cfg, a, b)))
      for (const a of blocks) {
        for (const b of blocks) {
          compared++
          expect(dominates(dominators, a, b), `${where}: ${a} dominates ${b}`).toBe(truth[a]![b])
        }
        const strict = blocks.filter((d) => d !== a && truth[d]![a])
        // The immediate dominator is the strict one that all other strict ones dominate.
        const nearest = strict.find((d) => strict.every((other) => truth[other]![d])) ?? -1
        expect(dominators.idom[a], where).toBe(nearest)
        const children = [...dominators.children.subarray(dominators.childStart[a], dominators.childStart[a + 1])]
        expect(children, where).toEqual([...dominators.order].filter((b) => dominators.idom[b] === a))
      }
    }
    expect(compared).toBeGreaterThan(runs(2000))
  })

  it('come with a reverse postorder: without cycles, every edge goes forward', () => {
    const random = new SeededRandom(SEED + 3)
    for (let run = 0; run < runs(2000); run++) {
      const length = random.between(2, 40)
      const insns = Array.from({ length }, (_, i): Instruction => {
        if (i === length - 1) return EXIT
        return random.below(2) === 0 ? NOP : branch(random.below(length - i - 1))
      })
      const cfg = buildCfg(insns)
      const { position, order } = computeDominators(cfg)
      expect(order.length).toBe(cfg.live.reduce((sum, n) => sum + n, 0))
      for (let block = 0; block < cfg.blockCount; block++) {
        for (const next of successorsOf(cfg, block)) expect(position[next]).toBeGreaterThan(position[block]!)
      }
    }
  })

  it('keep subprograms apart', () => {
    const call: Instruction = { kind: 'call', target: 'local', imm: 1, off: 0 }
    const cfg = buildCfg([call, EXIT, branch(0), EXIT])
    const dominators = computeDominators(cfg)
    expect([...dominators.orderStart]).toEqual([0, 1, 3])
    expect([...dominators.idom]).toEqual([-1, -1, 1])
    expect(dominates(dominators, 0, 1)).toBe(false)
  })
})

describe('loops', () => {
  it('nest', () => {
    // 0: outer head; 1: inner head; 2: inner latch; 3: outer latch; 4: out
    const cfg = buildCfg([NOP, branch(4), NOP, branch(-2), NOP, goto(-6), EXIT])
    const loops = findLoops(cfg, computeDominators(cfg))
    expect([...loops.header].map((block) => cfg.blockStart[block])).toEqual([0, 2])
    expect([...loops.parent]).toEqual([-1, 0])
    expect([...loops.depth]).toEqual([1, 2])
    const depthAt = (slot: number): number => loopDepth(loops, cfg.blockOfSlot[slot]!)
    expect([0, 2, 4, 6].map(depthAt)).toEqual([1, 2, 1, 0])
    expect(loops.regions).toEqual([])
  })

  it('of two entries are an irreducible region', () => {
    const cfg = buildCfg([branch(1), NOP, NOP, branch(-3), EXIT])
    const dominators = computeDominators(cfg)
    const loops = findLoops(cfg, dominators)
    expect(loops.loopCount).toBe(0)
    expect(loops.regions).toEqual([{ blocks: [2, 1], entries: [2, 1] }])
    expect([...loops.regionOfBlock]).toEqual([-1, 0, 0, -1])
    expect([...loops.edgeClass].filter((c) => c === EDGE_IRREDUCIBLE)).toHaveLength(1)
  })

  it('agree with the definitions on random graphs', () => {
    const random = new SeededRandom(SEED + 4)
    const seen = { loops: 0, nested: 0, regions: 0 }
    for (let run = 0; run < runs(2000); run++) {
      const { insns, tables } = randomProgram(random, 24)
      const cfg = buildCfg(insns, 0, { indirectTargets: tables })
      const dominators = computeDominators(cfg)
      const loops = findLoops(cfg, dominators)
      const where = `seed ${SEED}, run ${run}`
      checkEdges(cfg, loops.edgeClass, dominators.position, where)

      const natural = naturalLoopsByDefinition(cfg)
      expect(
        [...loops.header].sort((a, b) => a - b),
        where,
      ).toEqual([...natural.keys()].sort((a, b) => a - b))
      for (let loop = 0; loop < loops.loopCount; loop++) {
        const body = natural.get(loops.header[loop]!)!
        for (let block = 0; block < cfg.blockCount; block++) {
          expect(loopContains(loops, loop, block), `${where}, loop ${loop}, block ${block}`).toBe(body.has(block))
        }
        expect(isLoopHeader(loops, loops.header[loop]!)).toBe(true)
        const around = [...natural.values()].filter((other) => other !== body && other.has(loops.header[loop]!))
        expect(loops.depth[loop], where).toBe(around.length + 1)
        if (loops.parent[loop] !== -1) seen.nested++
      }
      seen.loops += loops.loopCount

      const reducible = cfg.subprograms.every((s) => collapses(cfg, s.firstBlock))
      expect(loops.regions.length === 0, where).toBe(reducible)
      expect(loops.regions.map((region) => [...region.blocks].sort((a, b) => a - b)).sort(), where).toEqual(
        regionsByDefinition(cfg).sort(),
      )
      for (const region of loops.regions) expect(region.entries.length, where).toBeGreaterThan(1)
      seen.regions += loops.regions.length
    }
    // The random graphs are worth something only if they have all of it.
    expect(Math.min(seen.loops, seen.nested, seen.regions)).toBeGreaterThan(runs(2000) / 20)
  })
})

function checkEdges(cfg: Cfg, edgeClass: Uint8Array, position: Int32Array, where: string): void {
  for (let block = 0; block < cfg.blockCount; block++) {
    for (let edge = cfg.successorStart[block]!; edge < cfg.successorStart[block + 1]!; edge++) {
      const next = cfg.successors[edge]!
      let expected: number = EDGE_IRREDUCIBLE
      if (cfg.live[block] === 0) expected = EDGE_DEAD
      else if (dominatesByDefinition(cfg, next, block)) expected = EDGE_BACK
      else if (position[next]! > position[block]!) expected = EDGE_FORWARD
      expect(edgeClass[edge], where).toBe(expected)
    }
  }
}

function naturalLoopsByDefinition(cfg: Cfg): Map<number, Set<number>> {
  const found = new Map<number, Set<number>>()
  for (let latch = 0; latch < cfg.blockCount; latch++) {
    for (const head of successorsOf(cfg, latch)) {
      if (!dominatesByDefinition(cfg, head, latch)) continue
      const body = found.get(head) ?? new Set([head])
      for (let block = 0; block < cfg.blockCount; block++) {
        if (cfg.live[block] === 1 && reachableFrom(cfg, block, head).has(latch)) body.add(block)
      }
      found.set(head, body)
    }
  }
  return found
}

/** Components of the live graph without back edges, by mutual reachability. */
function regionsByDefinition(cfg: Cfg): number[][] {
  const forward = (from: number): Set<number> => {
    const seen = new Set<number>()
    const pending = [from]
    for (let block = pending.pop(); block !== undefined; block = pending.pop()) {
      for (const next of successorsOf(cfg, block)) {
        if (dominatesByDefinition(cfg, next, block) || seen.has(next)) continue
        seen.add(next)
        pending.push(next)
      }
    }
    return seen
  }
  const reach = Array.from({ length: cfg.blockCount }, (_, block) =>
    cfg.live[block] === 1 ? forward(block) : new Set(),
  )
  const regions: number[][] = []
  const done = new Set<number>()
  for (let a = 0; a < cfg.blockCount; a++) {
    if (done.has(a) || !reach[a]!.has(a)) continue
    const region = reach.flatMap((set, b) => (set.has(a) && reach[a]!.has(b) ? [b] : []))
    for (const block of region) done.add(block)
    regions.push(region)
  }
  return regions
}

describe('the work on large graphs', () => {
  const slots = 200_000
  const shapes: Record<string, (i: number) => Instruction> = {
    'a chain of branches to the next': () => branch(0),
    'branches over one': () => branch(1),
    'all to the end': (i) => branch(slots - 2 - i),
    'all to the start': (i) => branch(-i - 1),
    'a ladder, up and down': (i) => branch(i % 2 === 0 ? Math.min(3, slots - 2 - i) : -Math.min(3, i + 1)),
    'loops nested to the full depth': (i) => branch(i < slots / 2 ? 0 : -(2 * (i - slots / 2)) - 1),
    'jumps from the first half into the second, backwards': (i) => branch(i < slots / 2 ? slots - 2 - 2 * i : 0),
    everywhere: (i) => branch(((i * 7919) % (slots - 1)) - i - 1),
  }

  it.each(Object.entries(shapes))('%s: a bounded number of steps per slot', (_, shape) => {
    const insns = Array.from({ length: slots }, (__, i) => (i === slots - 1 ? EXIT : shape(i)))
    const cfg = buildCfg(insns)
    const work: WorkCounter = { steps: 0 }
    const dominators = computeDominators(cfg, work)
    const loops = findLoops(cfg, dominators, work)
    expect(dominators.order.length).toBeGreaterThan(0)
    expect(loops.edgeClass.length).toBe(cfg.successors.length)
    expect(work.steps).toBeLessThan(60 * slots)
  })
})
