/**
 * Stack liveness: what is collected path by path gives, after each path, what a calculation from scratch gives; calls hand
 * on what callees do to their callers' frames.
 */
import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../../src/util/random.ts'
import type { Environment } from '../../../src/verifier/environment.ts'
import { beginExploration } from '../../../src/verifier/explore/exploration.ts'
import {
  beginStackWrites,
  commitStackWrites,
  liveSlots,
  markStackRead,
  markStackWritten,
  updateStackLiveness,
} from '../../../src/verifier/explore/stack-liveness.ts'
import { Frame, type State } from '../../../src/verifier/state.ts'
import { runs, SEED } from '../../support/runs.ts'
import { checked } from '../structure/programs.ts'
import { state } from './states.ts'

interface Access {
  readonly reads?: number
  readonly writes?: number
  readonly frame?: number
}

function begin(program: string): Environment {
  const env = checked(program)
  beginExploration(env)
  env.cur = state({})
  return env
}

/** One instruction is checked. */
function process(env: Environment, insn: number, access: Access = {}): void {
  const { reads = 0, writes = 0, frame = env.cur.curframe } = access
  env.insn = env.cur.insn = insn
  beginStackWrites(env)
  if (reads !== 0) markStackRead(env, frame, reads, 0)
  if (writes !== 0) markStackWritten(env, frame, writes, 0)
  commitStackWrites(env)
}

function live(env: Environment, insn: number, frameno = 0, at: State = env.cur): number {
  at.insn = insn
  return liveSlots(env, at, frameno).low
}

describe('in one function', () => {
  const PROGRAM = ['if r1 == 0 goto other', 'r0 = 1', 'goto end', 'other:', 'r0 = 2', 'end:', 'r0 = 0', 'exit'].join(
    '\n',
  )

  it('a slot is live before its reads, and not before it is written', () => {
    const env = begin(PROGRAM)
    process(env, 0)
    process(env, 1, { writes: 1 })
    process(env, 2)
    process(env, 4, { reads: 1 })
    updateStackLiveness(env)
    // Also on the path that was not followed: it does not write the slot.
    expect([0, 1, 2, 3, 4].map((insn) => live(env, insn))).toEqual([1, 0, 1, 1, 1])
    process(env, 3, { writes: 1 })
    updateStackLiveness(env)
    expect([0, 1, 2, 3, 4].map((insn) => live(env, insn))).toEqual([0, 0, 1, 0, 1])
  })

  it('what is written on one path only is not certain', () => {
    const env = begin(PROGRAM)
    process(env, 1, { writes: 3 })
    process(env, 4, { reads: 3 })
    updateStackLiveness(env)
    expect(live(env, 1)).toBe(0)
    process(env, 1, { writes: 1 })
    updateStackLiveness(env)
    expect(live(env, 1)).toBe(2)
  })

  it('around a loop, a read is live all the way', () => {
    const env = begin('r0 = 0\nstart:\nr0 += 1\nr1 = 0\nif r0 < 5 goto start\nexit')
    process(env, 0)
    process(env, 1, { reads: 1 })
    process(env, 2)
    process(env, 3)
    updateStackLiveness(env)
    expect([0, 1, 2, 3, 4].map((insn) => live(env, insn))).toEqual([1, 1, 1, 1, 0])
  })
})

describe('across calls', () => {
  const PROGRAM = ['r1 = r10', 'call callee', 'r0 = 0', 'exit', 'callee:', 'r2 = 1', 'r0 = 0', 'exit'].join('\n')

  /** A state in the function that is called at slot 1. */
  function called(env: Environment): State {
    const made = env.cur.copy()
    made.frames.push(new Frame({ callsite: 1, frameno: 1, subprogno: 1 }, made))
    return made
  }

  function walk(env: Environment, inCallee: Access): State {
    process(env, 0)
    env.insn = 1
    beginStackWrites(env)
    const caller = env.cur
    env.cur = called(env)
    commitStackWrites(env)
    process(env, 4, inCallee)
    process(env, 5)
    updateStackLiveness(env)
    const callee = env.cur
    env.cur = caller
    process(env, 2, { reads: 1 })
    updateStackLiveness(env)
    return callee
  }

  it('what a callee certainly writes of its caller is dead before the call', () => {
    const env = begin(PROGRAM)
    walk(env, { writes: 1, frame: 0 })
    expect([0, 1, 2].map((insn) => live(env, insn))).toEqual([0, 0, 1])
  })

  it('what a callee reads of its caller is live before the call', () => {
    const env = begin(PROGRAM)
    const callee = walk(env, { reads: 6, frame: 0 })
    expect([0, 1, 2].map((insn) => live(env, insn))).toEqual([7, 7, 1])
    // Seen from within the callee: what it reads, and what is read after it returns.
    expect(live(env, 4, 0, callee)).toBe(7)
    expect(live(env, 5, 0, callee)).toBe(1)
    expect(live(env, 4, 1, callee)).toBe(0)
  })
})

describe('random functions without loops', () => {
  const SLOTS = 6

  /** Forward jumps and plain instructions. */
  function randomProgram(random: SeededRandom): { text: string; next: number[][] } {
    const count = random.between(4, 24)
    const lines: string[] = []
    const next: number[][] = []
    for (let insn = 0; insn < count; insn++) {
      const target = random.between(insn + 1, count)
      const jumps = random.below(3) === 0
      lines.push(jumps ? `if r1 == 0 goto +${target - insn - 1}` : 'r0 = 0')
      next.push(jumps && target !== insn + 1 ? [insn + 1, target] : [insn + 1])
    }
    lines.push('exit')
    next.push([])
    return { text: lines.join('\n'), next }
  }

  it('are solved as from scratch, after each path', () => {
    const random = new SeededRandom(SEED)
    for (let run = 0; run < runs(300); run++) {
      const { text, next } = randomProgram(random)
      const env = begin(text)
      const reads = new Array<number>(next.length).fill(0)
      const writes = new Array<number | undefined>(next.length).fill(undefined)
      for (let path = 0; path < 8; path++) {
        for (let insn = 0; next[insn]!.length > 0; ) {
          const access = {
            reads: random.below(3) === 0 ? random.below(1 << SLOTS) : 0,
            writes: random.below(2) === 0 ? random.below(1 << SLOTS) : (1 << SLOTS) - 1,
          }
          process(env, insn, access)
          reads[insn]! |= access.reads
          writes[insn] = access.writes & (writes[insn] ?? access.writes)
          insn = next[insn]![random.below(next[insn]!.length)]!
        }
        updateStackLiveness(env)
        const expected = new Array<number>(next.length).fill(0)
        for (let insn = next.length - 2; insn >= 0; insn--) {
          const after = next[insn]!.reduce((sum, one) => sum | expected[one]!, 0)
          expected[insn] = (after & ~(writes[insn] ?? 0)) | reads[insn]!
        }
        expect(
          expected.map((_, insn) => live(env, insn)),
          `run ${run}, path ${path}\n${text}`,
        ).toEqual(expected)
      }
    }
  })
})
