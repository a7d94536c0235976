/**
 * Precision, walked backwards: what each kind of instruction makes of what is wanted, and what a whole path leaves marked
 * in the checkpoints that it came through.
 */
import { describe, expect, it } from 'vitest'
import type { Environment } from '../../../src/verifier/environment.ts'
import { stepBack, Wanted } from '../../../src/verifier/explore/backtrack.ts'
import { beginExploration } from '../../../src/verifier/explore/exploration.ts'
import {
  LEFT_IS_STACK,
  linkedRegister,
  linkedSlot,
  pushHistory,
  RIGHT_IS_STACK,
  stackAccess,
} from '../../../src/verifier/explore/history.ts'
import { markPrecise, propagatePrecision } from '../../../src/verifier/explore/precision.ts'
import { updateBranchCounts, visitState } from '../../../src/verifier/explore/visit.ts'
import {
  constantReg,
  type HistoryEntry,
  SPILL_BYTES,
  StackSlot,
  type State,
  UNKNOWN_SCALAR,
} from '../../../src/verifier/state.ts'
import { checked } from '../structure/programs.ts'
import { state } from './states.ts'

function begin(program: string): Environment {
  const env = checked(program)
  beginExploration(env)
  return env
}

interface Step {
  /** Wanted after the instruction: `r1`, or `fp-8`. */
  readonly after: string
  /** Wanted before it, or `all`: it cannot be told. */
  readonly before: string
  readonly entry?: Partial<HistoryEntry>
}

function names(wanted: Wanted): string {
  const all: string[] = []
  for (let frame = 0; frame < 4; frame++) {
    const prefix = frame === wanted.frame ? '' : `${frame}:`
    for (let r = 0; r < 11; r++) if ((wanted.regs[frame]! & (1 << r)) !== 0) all.push(`${prefix}r${r}`)
    for (let i = 0; i < 64; i++) if (wanted.hasSlot(frame, i)) all.push(`${prefix}fp-${8 * (i + 1)}`)
  }
  return all.join(' ')
}

function want(wanted: Wanted, text: string): void {
  for (const name of text.split(' ')) {
    const [, frame, kind, number] = /^(?:(\d):)?(r|fp-)(\d+)$/.exec(name)!
    const at = frame === undefined ? wanted.frame : Number(frame)
    if (kind === 'r') wanted.regs[at]! |= 1 << Number(number)
    else wanted.addSlot(at, Number(number) / 8 - 1)
  }
}

function back(insn: string, { after, before, entry }: Step): void {
  const env = begin(`${insn}\nr0 = 0\nexit`)
  const wanted = new Wanted()
  want(wanted, after)
  const full = entry && { insn: 0, previous: -1, flags: 0, linked: undefined, ...entry }
  const told = stepBack(env, wanted, 0, insn.includes('ll') ? 2 : 1, full)
  expect(told ? names(wanted) : 'all', `${insn} after ${after}`).toBe(before)
}

describe('one step back', () => {
  const FP_8 = { flags: stackAccess(0, 0) }
  const FP_512 = { flags: stackAccess(0, 63) }
  const cases: readonly (readonly [insn: string, ...steps: Step[]])[] = [
    ['r1 = 5', { after: 'r1 r2', before: 'r2' }, { after: 'r2', before: 'r2' }],
    ['r1 = 5 ll', { after: 'r1', before: '' }],
    ['r1 = r2', { after: 'r1', before: 'r2' }, { after: 'r2', before: 'r2' }],
    ['r1 = r10', { after: 'r1', before: '' }],
    ['w1 = (s8)w2', { after: 'r1', before: 'r2' }],
    ['r1 += 5', { after: 'r1', before: 'r1' }],
    ['r1 += r2', { after: 'r1', before: 'r1 r2' }, { after: 'r2', before: 'r2' }],
    ['r1 = -r1', { after: 'r1', before: 'r1' }],
    ['r1 = be16 r1', { after: 'r1', before: 'r1' }],
    [
      'r1 = *(u64 *)(r10 - 8)',
      { after: 'r1', before: '' },
      { after: 'r1', before: 'fp-8', entry: FP_8 },
      { after: 'r1', before: 'fp-512', entry: FP_512 },
      { after: 'r2', before: 'r2', entry: FP_8 },
    ],
    [
      '*(u64 *)(r10 - 8) = r1',
      { after: 'fp-8', before: 'r1', entry: FP_8 },
      { after: 'fp-16', before: 'fp-16', entry: FP_8 },
      { after: 'fp-512', before: 'r1', entry: FP_512 },
      { after: 'fp-8', before: 'fp-8' },
    ],
    ['*(u64 *)(r10 - 8) = 1', { after: 'fp-8', before: '', entry: FP_8 }],
    ['*(u64 *)(r2 + 0) = r1', { after: 'r2', before: 'all' }],
    ['lock *(u64 *)(r10 - 8) += r1', { after: 'fp-8', before: 'r1', entry: FP_8 }],
    [
      'r1 = atomic_fetch_add((u64 *)(r10 - 8), r1)',
      { after: 'r1', before: 'fp-8', entry: FP_8 },
      { after: 'r1', before: '' },
    ],
    ['r0 = cmpxchg_64(r10 - 8, r0, r1)', { after: 'r0 r1', before: 'r1 fp-8', entry: FP_8 }],
    ['if r1 > 5 goto +0', { after: 'r1', before: 'r1' }, { after: 'r2', before: 'r2' }],
    [
      'if r1 > r2 goto +0',
      { after: 'r1', before: 'r1 r2' },
      { after: 'r2', before: 'r1 r2' },
      { after: 'r3', before: 'r3' },
      { after: 'r1', before: 'r1', entry: { flags: RIGHT_IS_STACK } },
      { after: 'r2', before: 'r2', entry: { flags: LEFT_IS_STACK } },
    ],
    [
      'if r1 == 5 goto +0',
      {
        after: 'r1',
        before: 'r1 r3 fp-8',
        entry: { linked: [linkedRegister(0, 1), linkedRegister(0, 3), linkedSlot(0, 0)] },
      },
      { after: 'fp-8', before: 'r1 fp-8', entry: { linked: [linkedRegister(0, 1), linkedSlot(0, 0)] } },
      { after: 'r4', before: 'r4', entry: { linked: [linkedRegister(0, 1), linkedSlot(0, 0)] } },
    ],
    ['call 7', { after: 'r0 r6', before: 'r6' }, { after: 'r1', before: 'all' }],
    ['r0 = *(u8 *)skb[0]', { after: 'r6', before: 'r6' }, { after: 'r0', before: 'all' }],
    ['goto +0', { after: 'r1 fp-8', before: 'r1 fp-8' }],
  ]
  for (const [insn, ...steps] of cases) {
    it(insn, () => {
      for (const step of steps) back(insn, step)
    })
  }
})

describe('steps over calls', () => {
  const PROGRAM = ['r1 = 1', 'call callee', 'r0 += r6', 'exit', 'callee:', 'r0 = r1', 'exit'].join('\n')

  it('go into a function at its exit, and out of it at its call', () => {
    const env = begin(PROGRAM)
    const wanted = new Wanted()
    want(wanted, 'r0 r6')
    expect(stepBack(env, wanted, 5, 2, undefined)).toBe(true)
    expect(names(wanted)).toBe('0:r6 r0')
    expect(stepBack(env, wanted, 4, 5, undefined)).toBe(true)
    expect(names(wanted)).toBe('0:r6 r1')
    expect(stepBack(env, wanted, 1, 4, undefined)).toBe(true)
    expect(names(wanted)).toBe('r1 r6')
    expect(wanted.frame).toBe(0)
  })

  it('give up where a function would want what no caller gives', () => {
    const env = begin(PROGRAM)
    for (const left of ['r6', 'fp-8']) {
      const wanted = new Wanted()
      wanted.frame = 1
      want(wanted, left)
      expect(stepBack(env, wanted, 1, 4, undefined), left).toBe(false)
    }
  })
})

describe('a walk back', () => {
  /** Follows straight-line code, with a checkpoint before each slot of `checkpoints`; gives those. */
  function follow(env: Environment, cur: State, end: number, checkpoints: readonly number[]): State[] {
    const made: State[] = []
    env.cur = cur
    for (let insn = 0; insn <= end; insn++) {
      env.previousInsn = insn - 1
      env.insn = cur.insn = insn
      cur.lastInsn = insn - 1
      env.statistics.insnsProcessed++
      if (!checkpoints.includes(insn)) continue
      env.jumpsProcessed += 2
      env.statistics.insnsProcessed += 8
      expect(visitState(env)).toBe(false)
      made.push(cur.parent!)
    }
    return made
  }
  const PROGRAM = 'r1 = 1\nr2 = 2\nr3 = r1\nr3 += r2\nr0 = r3\nexit'
  const scalars = (): State => state({ 1: constantReg(1), 2: constantReg(2), 3: UNKNOWN_SCALAR, 4: UNKNOWN_SCALAR })
  const marks = (made: State): number => made.precise?.[0]?.regs ?? 0

  it('marks, in each checkpoint, what the value is made from there', () => {
    const env = begin(PROGRAM)
    const [first, second] = follow(env, scalars(), 4, [1, 3])
    markPrecise(env, 3)
    expect(marks(second!)).toBe((1 << 3) | (1 << 2))
    // r2 is made behind the first checkpoint, r3 there is a copy of r1.
    expect(marks(first!)).toBe(1 << 1)
  })

  it('stops at what is marked already, and at what is no scalar', () => {
    const env = begin(PROGRAM)
    const [first, second] = follow(env, scalars(), 4, [1, 3])
    second!.precise = [{ regs: (1 << 3) | (1 << 2), stackLow: 0, stackHigh: 0 }]
    markPrecise(env, 3)
    expect(marks(first!)).toBe(0)
  })

  it('takes everything for precise where it loses track', () => {
    const env = begin('r1 = 1\ncall 7\nr3 = r1\nr0 = r3\nexit')
    const [first] = follow(env, scalars(), 3, [1])
    markPrecise(env, 3)
    expect(marks(first!) & 0x1e).toBe(0x1e)
  })

  it('goes through stack slots that the history names', () => {
    const env = begin('r1 = 1\n*(u64 *)(r10 - 8) = r1\nr3 = *(u64 *)(r10 - 8)\nr0 = r3\nexit')
    const cur = scalars()
    cur.frame.stack.push(new StackSlot(SPILL_BYTES, constantReg(1)))
    env.cur = cur
    const [first] = follow(env, cur, 1, [1])
    pushHistory(env, cur, stackAccess(0, 0), undefined)
    for (const insn of [2, 3]) {
      env.previousInsn = insn - 1
      env.insn = cur.insn = insn
      cur.lastInsn = insn - 1
      env.statistics.insnsProcessed++
      if (insn === 2) pushHistory(env, cur, stackAccess(0, 0), undefined)
    }
    markPrecise(env, 3)
    expect(first!.precise).toEqual([{ regs: 1 << 1, stackLow: 0, stackHigh: 0 }])
  })

  it('carries the marks of a checkpoint over to a state that it covers', () => {
    const env = begin(PROGRAM)
    const [first, second] = follow(env, scalars(), 4, [1, 3])
    const old = scalars()
    old.precise = [{ regs: 1 << 3, stackLow: 0, stackHigh: 0 }]
    expect(propagatePrecision(env, old, env.cur)).toBe(true)
    expect(marks(second!)).toBe((1 << 3) | (1 << 2))
    expect(marks(first!)).toBe(1 << 1)
    expect(propagatePrecision(env, old, env.cur)).toBe(false)
  })

  it('is not needed once all paths from a checkpoint have ended', () => {
    const env = begin(PROGRAM)
    const [first, second] = follow(env, scalars(), 4, [1, 3])
    first!.branches = 2
    updateBranchCounts(env, env.cur)
    expect([env.cur.branches, second!.branches, first!.branches]).toEqual([0, 0, 1])
  })
})
