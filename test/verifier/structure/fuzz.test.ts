/**
 * Whatever bytes come: they are refused with a message or can be walked, quickly, and what the checks found out holds
 * together.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Instruction } from '../../../src/isa/index.ts'
import { checkStackDepth } from '../../../src/verifier/structure/stack-depth.ts'
import { successorsOf } from '../../../src/verifier/structure/successors.ts'
import { arbitraryInsn, withTails } from '../../support/arbitrary-insn.ts'
import { runs, SEED } from '../../support/runs.ts'
import { checked, concat, slotBytes, structural, verdictOf } from './programs.ts'

const slot = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(0x05, 0x06, 0x15, 0x1d, 0x2e, 0x85, 0x95, 0xe5, 0x18, 0x00, 0xb7, 0x0f, 0x61, 0x7b, 0xdb, 0x40),
      fc.integer({ min: 0, max: 255 }),
    ),
    fc.integer({ min: 0, max: 15 }),
    fc.integer({ min: 0, max: 15 }),
    fc.oneof(fc.integer({ min: -4, max: 6 }), fc.integer({ min: -0x8000, max: 0x7fff })),
    fc.oneof(fc.integer({ min: -4, max: 6 }), fc.integer({ min: -0x80000000, max: 0x7fffffff })),
  )
  .map(([opcode, dst, src, off, imm]) => slotBytes(opcode, dst, src, off, imm))

describe('the structural checks', () => {
  it('refuse or accept any bytes', () => {
    fc.assert(
      fc.property(fc.array(slot, { maxLength: 24 }), fc.boolean(), (slots, ends) => {
        const bytes = concat(...slots, ...(ends ? [slotBytes(0x95)] : []))
        const said = structural(bytes)
        expect(said.length).toBeGreaterThan(0)
        expect(said).not.toContain('\n')
      }),
      { seed: SEED, numRuns: runs(40_000) },
    )
  })

  it('find out of programs that they accept what holds together', () => {
    // Calls and jumps anywhere within, no wide instructions: many of these are accepted.
    const kinds = fc.oneof(
      fc.record({ kind: fc.constant('jump'), dst: fc.integer({ min: 0, max: 9 }), to: fc.nat(40) }),
      fc.record({ kind: fc.constant('goto'), to: fc.nat(40) }),
      fc.record({ kind: fc.constant('call'), to: fc.nat(40) }),
      fc.record({ kind: fc.constant('alu'), dst: fc.integer({ min: 0, max: 9 }), src: fc.integer({ min: 0, max: 9 }) }),
      fc.constant({ kind: 'exit' }),
    )
    let accepted = 0
    fc.assert(
      fc.property(fc.array(kinds, { minLength: 1, maxLength: 12 }), (draft) => {
        const length = draft.length + 1
        const insns = draft.map((one, at): Instruction => {
          const off = ('to' in one ? one.to % length : 0) - at - 1
          switch (one.kind) {
            case 'jump':
              return { kind: 'jump', op: 'eq', width: 64, dst: 'dst' in one ? one.dst : 0, src: { imm: 1 }, off }
            case 'goto':
              return { kind: 'goto', wide: false, off }
            case 'call':
              return { kind: 'call', target: 'local', imm: off, off: 0 }
            case 'alu':
              return {
                kind: 'alu',
                op: 'add',
                width: 64,
                dst: 'dst' in one ? one.dst : 0,
                src: { reg: 'src' in one ? one.src : 0 },
              }
            default:
              return { kind: 'exit' }
          }
        })
        insns.push({ kind: 'exit' })
        if (structural(insns) !== 'accept') return
        accepted++
        const all = checked(insns)
        const next = new Int32Array(2)
        const place = new Int32Array(insns.length).fill(-1)
        all.postorder.forEach((at, i) => {
          place[at] = i
        })
        // Every instruction stands in the postorder once, within its function's part.
        expect([...all.postorder].sort((a, b) => a - b)).toEqual(insns.map((_, i) => i))
        for (let at = 0; at < insns.length; at++) {
          const subprogram = all.subprogramOf[at]!
          expect(place[at]).toBeGreaterThanOrEqual(all.postorderStart[subprogram]!)
          expect(place[at]).toBeLessThan(all.postorderStart[subprogram + 1]!)
          const count = successorsOf(insns, at, next)
          const reach = reachable(insns, at)
          for (let s = 0; s < count; s++) expect(all.subprogramOf[next[s]!]).toBe(subprogram)
          // On a common loop: each reaches the other.
          for (let other = 0; other < insns.length; other++) {
            const loop = reach.has(other) && reachable(insns, other).has(at)
            expect(loop).toBe(all.scc[at] !== 0 && all.scc[at] === all.scc[other])
          }
        }
        expect([...all.liveRegisters]).toEqual(liveByPaths(insns))
      }),
      { seed: SEED, numRuns: runs(8_000) },
    )
    expect(accepted).toBeGreaterThan(runs(8_000) / 50)
  })

  it('walk any valid instructions', () => {
    fc.assert(
      fc.property(fc.array(arbitraryInsn(), { minLength: 1, maxLength: 20 }), (insns) => {
        expect(structural(withTails(insns)).length).toBeGreaterThan(0)
      }),
      { seed: SEED, numRuns: runs(4_000) },
    )
  })
})

/** Slots that can be reached from one in one step or more, within its function. */
function reachable(insns: readonly Instruction[], from: number): Set<number> {
  const found = new Set<number>()
  const next = new Int32Array(2)
  const pending = [from]
  while (pending.length > 0) {
    const count = successorsOf(insns, pending.pop()!, next)
    for (let s = 0; s < count; s++) {
      if (found.has(next[s]!)) continue
      found.add(next[s]!)
      pending.push(next[s]!)
    }
  }
  return found
}

/** The definition of liveness: a path to a read with no write on the way. Only for the instructions made above. */
function liveByPaths(insns: readonly Instruction[]): number[] {
  const next = new Int32Array(2)
  return insns.map((_, from) => {
    let live = 0
    for (let reg = 0; reg < 10; reg++) {
      const seen = new Set<number>()
      const pending = [from]
      while (pending.length > 0) {
        const at = pending.pop()!
        if (seen.has(at)) continue
        seen.add(at)
        const insn = insns[at]!
        const reads =
          insn.kind === 'alu'
            ? insn.dst === reg || ('reg' in insn.src && insn.src.reg === reg)
            : insn.kind === 'jump'
              ? insn.dst === reg
              : insn.kind === 'call'
                ? reg >= 1 && reg <= 5
                : insn.kind === 'exit' && reg === 0
        if (reads) {
          live |= 1 << reg
          break
        }
        if (insn.kind === 'call' && reg <= 5) continue
        const count = successorsOf(insns, at, next)
        for (let s = 0; s < count; s++) pending.push(next[s]!)
      }
    }
    return live
  })
}

describe('time', () => {
  it('does not grow with the number of paths through calls', () => {
    // Each function calls all of the next layer: 16^7 chains of eight frames.
    const layers = 8
    const width = 16
    const insns: Instruction[] = []
    const size = width + 1
    const start = (layer: number, i: number): number => (layer === 0 ? 0 : (1 + (layer - 1) * width + i) * size)
    for (let layer = 0; layer < layers; layer++) {
      for (let i = 0; i < (layer === 0 ? 1 : width); i++) {
        for (let c = 0; c < width; c++) {
          insns.push(
            layer === layers - 1
              ? { kind: 'alu', op: 'mov', width: 64, dst: 0, src: { imm: 0 } }
              : { kind: 'call', target: 'local', imm: start(layer + 1, c) - insns.length - 1, off: 0 },
          )
        }
        insns.push({ kind: 'exit' })
      }
    }
    const env = checked(insns)
    for (const subprogram of env.subprograms) subprogram.stackDepth = 64
    const from = performance.now()
    expect(verdictOf(() => checkStackDepth(env))).toBe('accept')
    expect(performance.now() - from).toBeLessThan(2000)
  })

  it('grows with the length of a program, however its jumps lie', () => {
    // A path without repetition that goes back at every other instruction.
    const insns: Instruction[] = [{ kind: 'goto', wide: true, off: 0 }]
    const length = 60_001
    for (let at = 1; at < length - 1; at++) {
      if (at % 3 === 0)
        insns.push({ kind: 'jump', op: 'eq', width: 64, dst: at % 10, src: { imm: 0 }, off: -Math.min(at, 6) })
      else insns.push({ kind: 'alu', op: 'add', width: 64, dst: at % 7, src: { imm: 1 } })
    }
    insns.push({ kind: 'exit' })
    const from = performance.now()
    expect(structural(insns)).toBe('accept')
    expect(performance.now() - from).toBeLessThan(4000)
  })
})
