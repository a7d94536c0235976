/**
 * What the self-check found that Linux 6.18 is wrong about: programs that it accepts, for it knows what is not so.
 */
import { describe, expect, it } from 'vitest'
import { assemble } from '../../src/isa/index.ts'
import { linux } from '../../src/spec/index.ts'
import { verify } from '../../src/verifier/index.ts'

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
})
