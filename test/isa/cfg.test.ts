/**
 * Basic blocks, edges and subprograms: on hand-made programs against the expected graph, on random ones against what
 * must hold of any, and on the largest ones against a bound on the work.
 */
import { describe, expect, it } from 'vitest'
import { buildCfg, entryCount, lastSlot, type WorkCounter } from '../../src/isa/cfg.ts'
import type { Instruction } from '../../src/isa/instruction.ts'
import { isAnybpfError } from '../../src/util/errors.ts'
import { SeededRandom } from '../../src/util/random.ts'
import { runs, SEED } from '../support/runs.ts'
import {
  branch,
  callLocal,
  EXIT,
  edgesOf,
  funcRef,
  goto,
  gotox,
  mayGoto,
  NOP,
  randomProgram,
  TAIL,
} from './cfg-support.ts'

const lddw: Instruction = { kind: 'lddw', source: 'imm64', dst: 1, imm: 0, imm2: 0 }
const starts = (cfg: ReturnType<typeof buildCfg>): number[] => [...cfg.blockStart]

describe('basic blocks and edges', () => {
  it('cuts a diamond into four blocks', () => {
    const cfg = buildCfg([branch(2), NOP, goto(1), NOP, EXIT])
    expect(starts(cfg)).toEqual([0, 1, 3, 4, 5])
    expect(edgesOf(cfg)).toEqual(['0>1', '0>3', '1>4', '3>4'])
    expect([...cfg.fallthrough]).toEqual([1, -1, 3, -1])
    expect([...cfg.taken]).toEqual([2, 3, -1, -1])
    expect([...cfg.weight]).toEqual([1, 2, 1, 1])
    expect([0, 1, 2, 3].map((block) => entryCount(cfg, block))).toEqual([1, 1, 1, 2])
    expect(cfg.defects).toEqual([])
  })

  it('gives 16- and 32-bit gotos and may_goto their targets', () => {
    expect(edgesOf(buildCfg([goto(1), NOP, EXIT]))).toEqual(['0>2', '1>2'])
    expect(edgesOf(buildCfg([goto(70000, true), ...Array<Instruction>(70000).fill(NOP), EXIT]))).toEqual([
      '0>70001',
      '1>70001',
    ])
    expect(edgesOf(buildCfg([NOP, mayGoto(1), goto(-3), EXIT]))).toEqual(['0>2', '0>3', '2>0'])
  })

  it('keeps both edges of a branch to the next instruction', () => {
    const cfg = buildCfg([branch(0), EXIT])
    expect(edgesOf(cfg)).toEqual(['0>1', '0>1'])
    expect(entryCount(cfg, 1)).toBe(2)
  })

  it('ends no block at a call, and counts a wide instruction once', () => {
    const cfg = buildCfg([lddw, TAIL, { kind: 'call', target: 'helper', imm: 1, off: 0 }, EXIT])
    expect(starts(cfg)).toEqual([0, 4])
    expect([...cfg.weight]).toEqual([3])
  })

  it('finds the last instruction of a block that ends in a wide one', () => {
    const cfg = buildCfg([lddw, TAIL, branch(-3), EXIT])
    expect(lastSlot(cfg, 0)).toBe(2)
    const falling = buildCfg([branch(2), lddw, TAIL, EXIT])
    expect(lastSlot(falling, falling.blockOfSlot[1]!)).toBe(1)
    expect(edgesOf(falling)).toEqual(['0>1', '0>3', '1>3'])
  })

  it('follows an indirect jump by its table, each target once', () => {
    const insns = [gotox, NOP, EXIT, EXIT]
    const cfg = buildCfg(insns, 0, { indirectTargets: new Map([[0, [3, 1, 3]]]) })
    expect(edgesOf(cfg)).toEqual(['0>3', '0>1'])
    expect(cfg.defects).toEqual([])
    expect(buildCfg(insns).defects).toEqual([{ kind: 'unknown_targets', slot: 0 }])
  })

  it('knows dead blocks, and does not let them make joins', () => {
    const cfg = buildCfg([goto(2), NOP, goto(0), EXIT])
    expect([...cfg.live]).toEqual([1, 0, 1])
    expect(edgesOf(cfg)).toEqual(['0>3', '1>3'])
    expect(entryCount(cfg, 2)).toBe(1)
    expect(entryCount(cfg, 1)).toBe(0)
  })

  it.each<[string, Instruction[], object]>([
    ['a jump behind the end', [branch(1), EXIT], { kind: 'target_outside', slot: 0, target: 2 }],
    ['a jump before the start', [goto(-2)], { kind: 'target_outside', slot: 0, target: -1 }],
    ['a jump into a wide instruction', [branch(1), lddw, TAIL, EXIT], { kind: 'target_in_wide', slot: 0, target: 2 }],
    ['a call behind the end', [callLocal(5), EXIT], { kind: 'target_outside', slot: 0, target: 6 }],
    ['a reference to nowhere', [funcRef(-9), TAIL, EXIT], { kind: 'target_outside', slot: 0, target: -8 }],
    ['a fall off the end', [NOP], { kind: 'falls_off_end', slot: 0 }],
    ['a fall off the end by a wide instruction', [lddw, TAIL], { kind: 'falls_off_end', slot: 0 }],
    ['a fall into another subprogram', [callLocal(1), NOP, EXIT], { kind: 'leaves_subprogram', slot: 1, target: 2 }],
    [
      'a jump into another subprogram',
      [callLocal(1), goto(1), NOP, EXIT],
      { kind: 'leaves_subprogram', slot: 1, target: 3 },
    ],
  ])('lists %s, and makes no edge of it', (_, insns, defect) => {
    const cfg = buildCfg(insns)
    expect(cfg.defects).toEqual([defect])
    expect(cfg.successors.length).toBe(
      cfg.fallthrough.filter((b) => b >= 0).length + cfg.taken.filter((b) => b >= 0).length,
    )
  })

  it('refuses an entry that is no instruction', () => {
    for (const [insns, entry] of [
      [[], 0],
      [[EXIT], 1],
      [[EXIT], -1],
      [[lddw, TAIL, EXIT], 1],
    ] as const) {
      expect(() => buildCfg(insns, entry)).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }))
    }
    expect(() => buildCfg([EXIT], 0, { indirectTargets: new Map([[0, []]]) })).toThrow(/no indirect jump/)
  })
})

describe('subprograms', () => {
  it('finds the targets of calls and of function references', () => {
    const insns = [
      callLocal(4),
      funcRef(6),
      TAIL,
      { kind: 'callx', reg: 1 },
      EXIT,
      callLocal(-1),
      EXIT,
      EXIT,
      NOP,
      EXIT,
    ] as Instruction[]
    const cfg = buildCfg(insns)
    expect(cfg.subprograms.map((s) => [s.entry, s.end, s.live, s.callsThroughRegister])).toEqual([
      [0, 5, true, true],
      [5, 8, true, false],
      [8, 10, true, false],
    ])
    expect(cfg.main.calls).toEqual([
      { slot: 0, kind: 'call', subprogram: 1 },
      { slot: 1, kind: 'reference', subprogram: 2 },
    ])
    expect(cfg.subprograms[1]!.calls).toEqual([{ slot: 5, kind: 'call', subprogram: 1 }])
  })

  it('does not run what only dead code calls', () => {
    const cfg = buildCfg([EXIT, callLocal(1), EXIT, EXIT])
    expect(cfg.subprograms.map((s) => s.live)).toEqual([true, false])
  })

  it('takes a main entry in the middle, and entries that only data knows', () => {
    const cfg = buildCfg([EXIT, NOP, EXIT, EXIT], 1, { entries: [3] })
    expect(cfg.main.entry).toBe(1)
    expect(cfg.subprograms.map((s) => [s.entry, s.live])).toEqual([
      [1, true],
      [3, true],
    ])
    expect([...cfg.subprogramOfBlock]).toEqual([-1, 0, 1])
    expect([...cfg.live]).toEqual([0, 1, 1])
  })
})

describe('any program', () => {
  it('has a well-formed graph', () => {
    const random = new SeededRandom(SEED)
    for (let run = 0; run < runs(2000); run++) {
      const { insns, tables } = randomProgram(random, 40)
      const cfg = buildCfg(insns, 0, { indirectTargets: tables })
      const where = `seed ${SEED}, run ${run}`
      expect(cfg.blockStart[0], where).toBe(0)
      expect(cfg.blockStart[cfg.blockCount], where).toBe(insns.length)
      expect(
        cfg.weight.reduce((sum, n) => sum + n, 0),
        where,
      ).toBe(insns.filter((i) => i.kind !== 'wide_tail').length)
      let liveEdges = 0
      for (let block = 0; block < cfg.blockCount; block++) {
        expect(cfg.blockStart[block]!, where).toBeLessThan(cfg.blockStart[block + 1]!)
        expect(insns[cfg.blockStart[block]!]!.kind, where).not.toBe('wide_tail')
        for (let slot = cfg.blockStart[block]!; slot < cfg.blockStart[block + 1]!; slot++) {
          expect(cfg.blockOfSlot[slot], where).toBe(block)
          if (slot < lastSlot(cfg, block))
            expect(['jump', 'goto', 'may_goto', 'exit', 'goto_indirect'], where).not.toContain(insns[slot]!.kind)
        }
        for (let edge = cfg.successorStart[block]!; edge < cfg.successorStart[block + 1]!; edge++) {
          const next = cfg.successors[edge]!
          expect(cfg.subprogramOfBlock[next], where).toBe(cfg.subprogramOfBlock[block])
          if (cfg.live[block] === 0) continue
          liveEdges++
          expect(cfg.live[next], where).toBe(1)
          const from = cfg.predecessors.subarray(cfg.predecessorStart[next], cfg.predecessorStart[next + 1])
          expect([...from], where).toContain(block)
        }
      }
      expect(cfg.predecessors.length, where).toBe(liveEdges)
    }
  })

  it('gives a graph or a named error, whatever the slots hold', () => {
    const random = new SeededRandom(SEED + 1)
    for (let run = 0; run < runs(2000); run++) {
      const { insns } = randomProgram(random, 12)
      // Halves of wide instructions alone, which no decoder gives.
      if (random.below(2) === 0) insns.splice(random.below(insns.length), 1, random.below(2) === 0 ? TAIL : lddw)
      try {
        expect(buildCfg(insns).blockCount).toBeGreaterThan(0)
      } catch (error) {
        if (!isAnybpfError(error)) throw error
      }
    }
  })
})

describe('the work', () => {
  it('is linear in the slots, with as many calls and targets as there is room for', () => {
    const slots = 200_000
    const shapes: Record<string, (i: number) => Instruction> = {
      branches: (i) => branch(i % 2 === 0 ? slots - 2 - i : -i),
      calls: (i) => callLocal(-i - 1 + ((i * 7919) % slots)),
      straight: () => NOP,
    }
    for (const [name, shape] of Object.entries(shapes)) {
      const work: WorkCounter = { steps: 0 }
      const insns = Array.from({ length: slots }, (_, i) => (i === slots - 1 ? EXIT : shape(i)))
      buildCfg(insns, 0, { work })
      expect(work.steps, name).toBeLessThan(20 * slots)
    }
  })
})
