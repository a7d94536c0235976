/** Where paths meet: what ends a path, what refuses a program, what is kept, and what is forgotten. */
import { describe, expect, it } from 'vitest'
import { linux } from '../../../src/spec/index.ts'
import type { VerifyOptions } from '../../../src/verifier/program.ts'
import type { Report } from '../../../src/verifier/report/report.ts'
import { verify } from '../../../src/verifier/verify.ts'
import { caseProgram } from '../../support/verifier-cases.ts'

const PLATFORM = linux('6.18')

function judge(program: string, options: VerifyOptions = {}): Report {
  return verify(caseProgram({ verdict: 'accept', program }, PLATFORM), PLATFORM, { author: 'trusted', ...options })
}

/** Two ways to one place; `way` decides what differs there. */
const MEET = (first: string, second: string, rest: string): string =>
  [
    'call get_prandom_u32',
    'r6 = 0',
    'if r0 == 0 goto other',
    first,
    'goto meet',
    'other:',
    second,
    'meet:',
    rest,
    'exit',
  ].join('\n')
const EAGER = { testStateFrequency: true } as const

describe('a path ends', () => {
  it('where one that knew no more was explored', () => {
    const same = judge(MEET('r6 = 1', 'r6 = 2', 'r0 = 0'), EAGER)
    // Three instructions, two branches, the end once; where they meet, the second path is looked at.
    expect(same.stats.insnsProcessed).toBe(9)
  })

  it('not where a value differs that something depends on', () => {
    const differs = judge(MEET('r6 = 1', 'r6 = 2', 'r0 = 0\nif r6 == 1 goto +1\nr0 = 1'), EAGER)
    expect(differs.stats.insnsProcessed).toBeGreaterThan(12)
    expect(differs.verdict).toBe('accept')
  })

  it('though a stack slot differs that nothing reads any more', () => {
    const dead = judge(MEET('*(u64 *)(r10 - 8) = 1', 'r1 = r10\n*(u64 *)(r10 - 8) = r1', 'r0 = 0'), EAGER)
    const live = judge(
      MEET('*(u64 *)(r10 - 8) = 1', 'r1 = r10\n*(u64 *)(r10 - 8) = r1', 'r1 = *(u64 *)(r10 - 8)\nr0 = 0'),
      EAGER,
    )
    expect(dead.stats.insnsProcessed).toBe(10)
    expect(live.stats.insnsProcessed).toBe(13)
  })
})

describe('a loop', () => {
  it('that comes back to the same state is refused', () => {
    const { verdict, error } = judge('r0 = 0\nstart:\nr1 = 1\nif r0 == 0 goto start\nexit')
    expect([verdict, error?.code]).toEqual(['reject', 'infinite_loop'])
    expect(error?.lines).toContain('infinite loop detected at insn 1')
  })

  it('that counts is followed to its end', () => {
    const report = judge('r0 = 0\nstart:\nr0 += 1\nif r0 < 1000 goto start\nr0 = 0\nexit')
    expect([report.verdict, report.stats.insnsProcessed]).toEqual(['accept', 2003])
    expect(report.stats.states).toBeLessThan(60)
  })

  it('that the platform bounds converges, whatever it counts', () => {
    const program = ['r6 = 0', 'start:', 'may_goto end', 'r6 += 1', 'goto start', 'end:', 'r0 = 0', 'exit'].join('\n')
    const { verdict, stats } = judge(program)
    expect(verdict).toBe('accept')
    expect(stats.insnsProcessed).toBeLessThan(40)
  })

  it('that the platform bounds keeps what an iteration needs precisely', () => {
    // The offset grows by 8 in each iteration: sooner or later it is outside of the stack.
    const program = [
      'r6 = 0',
      'start:',
      'may_goto end',
      'r1 = r10',
      'r1 += -64',
      'r1 += r6',
      '*(u8 *)(r1 + 0) = 1',
      'r6 += 8',
      'goto start',
      'end:',
      'r0 = 0',
      'exit',
    ].join('\n')
    expect(judge(program).error?.category).toBe('memory')
  })
})

describe('checkpoints', () => {
  /** Each of `count` bits is a branch, and all the values matter at the end: nothing covers anything. */
  function manyStates(count: number): string {
    const bits = Array.from({ length: count }, (_, i) => [
      'call get_prandom_u32',
      `if r0 == 0 goto +1`,
      `r6 |= ${1 << i}`,
    ])
    const ends = Array.from({ length: 40 }, (_, i) => `if r6 == ${i * 3} goto +1\nr7 += 1`)
    return ['r6 = 0', 'r7 = 0', ...bits.flat(), ...ends, 'r0 = 0', 'exit'].join('\n')
  }

  it('are kept up to the number that is allowed', () => {
    const { verdict, error, stats } = judge(manyStates(14), { stateLimit: 100, ...EAGER, explain: false })
    expect([verdict, error?.code]).toEqual(['reject', 'memory_limit'])
    expect(stats.peakStates).toBeLessThanOrEqual(101)
  })

  it('that are no longer compared with do not count for ever', () => {
    const { verdict, stats } = judge(manyStates(10), { stateLimit: 3000, explain: false })
    expect(verdict).toBe('accept')
    expect(stats.peakStates).toBeLessThan(stats.states)
  })

  it('are not made for each prune point, but where a caller asks for it', () => {
    const program = MEET('r6 = 1', 'r6 = 2', 'r0 = 0')
    expect(judge(program).stats.states).toBeLessThan(judge(program, EAGER).stats.states)
  })
})
