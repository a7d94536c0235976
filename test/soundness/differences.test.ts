/**
 * What the self-check found that Linux 6.18 is wrong about: programs that it accepts, for it knows what is not so.
 */
import { describe, expect, it } from 'vitest'
import { assemble } from '../../src/isa/index.ts'
import { linux } from '../../src/spec/index.ts'
import { verify } from '../../src/verifier/index.ts'
import { accept, caseProgram } from '../support/verifier-cases.ts'

function verdictOf(text: string): string {
  const program = { name: 'program', type: 'xdp', license: 'GPL', insns: assemble(text) }
  const { verdict, error } = verify(program, linux('6.18'), { author: 'trusted' })
  return error === undefined ? verdict : `${error.insn}: ${error.code}`
}

describe('where Linux knows what is not so', () => {
  it('a number that is filled with its sign is no copy of the one that was spilled', () => {
    // Linux takes r9 for 0x80000000, as r7 is, and its upper half for zero: it is -1.
    const text = (fill: string): string => `r7 = *(u32 *)(r1 + 16)
      *(u64 *)(r10 - 8) = r7
      r9 = *(${fill} *)(r10 - 8)
      w1 = 0x80000000
      if r7 == r1 goto +2
      r0 = 0
      exit
      r9 >>= 32
      r2 = r10
      r2 += r9
      *(u8 *)(r2 - 1) = 0
      r0 = 0
      exit`
    expect(verdictOf(text('s32'))).toBe('10: unbounded')
    expect(verdictOf(text('u32'))).toBe('accept')
  })

  it('a pointer beyond the packet’s end that moves back may be inside again', () => {
    // Linux takes the second comparison to hold as the first did, and never looks at what follows where it does not.
    const text = (back: number): string => `r2 = *(u32 *)(r1 + 0)
      r3 = *(u32 *)(r1 + 4)
      r2 += 100
      if r2 > r3 goto +2
      r0 = 2
      exit
      r2 += ${back}
      if r2 > r3 goto +1
      r0 = *(u8 *)(r10 + 0)
      r0 = 0
      exit`
    expect(verdictOf(text(-100))).toBe('8: stack_bounds')
    // Forward, it is beyond for certain.
    expect(verdictOf(text(8))).toBe('accept')
  })

  it('a packet load beyond the end, in a called function, returns to the caller', () => {
    // Linux follows the way on only, on which the function always writes what the caller reads.
    const text = (before: string): string => `r6 = r1
      r1 = 4096
      *(u64 *)(r10 - 8) = r1
      *(u32 *)(r10 - 12) = 0
      r1 = map(table)
      r2 = r10
      r2 += -12
      call map_lookup_elem
      if r0 == 0 goto out
      r3 = r0
      r2 = r10
      r2 += -8
      r1 = r6
      call callee
      r1 = *(u64 *)(r10 - 8)
      *(u64 *)(r1 + 0) = 1
      out:
      r0 = 0
      exit
      callee:
      r6 = r1
      r7 = r2
      r8 = r3
      ${before}
      r0 = *(u8 *)skb[200]
      *(u64 *)(r7 + 0) = r8
      r0 = 0
      exit`
    const verdict = (before: string): string => {
      const program = caseProgram(accept(text(before), { type: 'sched_cls', functions: ['step'] }), linux('6.18'))
      const report = verify(program, linux('6.18'), { author: 'trusted' })
      return report.error === undefined ? report.verdict : `${report.error.insn}: ${report.error.code}`
    }
    expect(verdict('')).toBe('16: wrong_type')
    expect(verdict('*(u64 *)(r7 + 0) = r8')).toBe('accept')
  })
})
