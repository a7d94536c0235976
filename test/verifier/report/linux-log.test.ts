import { describe, expect, it } from 'vitest'
import { LinuxLog } from '../../../src/verifier/report/linux-log.ts'
import { logOf } from './support.ts'

const BRANCH = `
r6 = r1
r0 = *(u32 *)(r1 + 0)
if r0 > 16 goto big
r0 = 0
exit
big: r2 = *(u64 *)(r0 + 0)
exit
`

const CALLS = `
r6 = r1
*(u64 *)(r10 - 8) = r1
*(u32 *)(r10 - 16) = 7
call local f
r1 = *(u64 *)(r10 - 8)
r0 = *(u64 *)(r0 + 0)
exit
f: r0 = *(u32 *)(r1 + 8)
r0 &= 7
exit
`

// The expected texts are those of a 6.18 kernel, but for the times, and the lines on precision at level 2.
describe("the log of Linux's verifier", () => {
  it('holds at level 1 the path that fails, in one line with the jump where a branch was taken up', () => {
    expect(logOf(BRANCH, 1)).toBe(`0: R1=ctx() R10=fp0
0: (bf) r6 = r1                       ; R1=ctx() R6=ctx()
1: (61) r0 = *(u32 *)(r1 +0)          ; R0=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R1=ctx()
2: (25) if r0 > 0x10 goto pc+2 5: R0=scalar(smin=umin=umin32=17,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R1=ctx() R6=ctx() R10=fp0
5: (79) r2 = *(u64 *)(r0 +0)
R0 invalid mem access 'scalar'
verification time N usec
stack depth 0
processed 6 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`)
  })

  it('holds at level 2 every path, and what was found before', () => {
    expect(logOf(BRANCH, 2)).toBe(`func#0 @0
Live regs before insn:
      0: .1........ (bf) r6 = r1
      1: .1........ (61) r0 = *(u32 *)(r1 +0)
      2: 0......... (25) if r0 > 0x10 goto pc+2
      3: .......... (b7) r0 = 0
      4: 0......... (95) exit
      5: 0......... (79) r2 = *(u64 *)(r0 +0)
      6: 0......... (95) exit
0: R1=ctx() R10=fp0
0: (bf) r6 = r1                       ; R1=ctx() R6=ctx()
1: (61) r0 = *(u32 *)(r1 +0)          ; R0=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R1=ctx()
2: (25) if r0 > 0x10 goto pc+2        ; R0=scalar(smin=smin32=0,smax=umax=smax32=umax32=16,var_off=(0x0; 0x1f))
3: (b7) r0 = 0                        ; R0=0
4: (95) exit

from 2 to 5: R0=scalar(smin=umin=umin32=17,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R1=ctx() R6=ctx() R10=fp0
5: R0=scalar(smin=umin=umin32=17,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R1=ctx() R6=ctx() R10=fp0
5: (79) r2 = *(u64 *)(r0 +0)
R0 invalid mem access 'scalar'
verification time N usec
stack depth 0
processed 6 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`)
  })

  it('shows the frames at calls and returns, and the stack', () => {
    expect(logOf(CALLS, 1)).toContain(`2: (62) *(u32 *)(r10 -16) = 7         ; R10=fp0 fp-16=????7
3: (85) call pc+3
caller:
 R6=ctx() R10=fp0 fp-8=ctx() fp-16=????7
callee:
 frame1: R1=ctx() R10=fp0
7: frame1: R1=ctx() R10=fp0
7: (61) r0 = *(u32 *)(r1 +8)          ; frame1: R0=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R1=ctx()
8: (57) r0 &= 7                       ; frame1: R0=scalar(smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))
9: (95) exit
returning from callee:
 frame1: R0=scalar(smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7)) R1=ctx() R10=fp0
to caller at 4:
 R0=scalar(smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7)) R6=ctx() R10=fp0 fp-8=ctx() fp-16=????7
4: (79) r1 = *(u64 *)(r10 -8)         ; R1=ctx() R10=fp0 fp-8=ctx()
5: (79) r0 = *(u64 *)(r0 +0)
R0 invalid mem access 'scalar'
`)
  })

  it('holds of an accepted program, at level 1, the statistics', () => {
    expect(logOf('r0 = 0\nexit\n', 1)).toBe(
      'verification time N usec\nstack depth 0\n' +
        'processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n',
    )
  })

  it('shows source lines once, without their path and indentation', () => {
    const line = (slot: number, number: number, text: string) => ({
      slot,
      file: '/src/prog.c',
      line: number,
      column: 1,
      text,
    })
    const lines = [line(0, 7, '\tint x = 0;'), line(1, 7, '\tint x = 0;'), line(2, 9, '\treturn *p;')]
    expect(logOf('r1 = 0\nr2 = 0\nr0 = *(u8 *)(r2 + 0)\nexit\n', 1, { lines })).toMatch(
      /^0: R1=ctx\(\) R10=fp0\n; int x = 0; @ prog\.c:7\n0: .*\n1: .*\n; return \*p; @ prog\.c:9\n2: /,
    )
  })

  it('tells the two states of an endless loop', () => {
    expect(logOf('r0 = 0\nagain: goto again\n', 1)).toMatch(
      /infinite loop detected at insn 1\ncur state: R0=0 R1=ctx\(\) R10=fp0\nold state: R0=0 R1=ctx\(\) R10=fp0\nverification time/,
    )
  })

  it('keeps the end of a log that grows beyond 16 MiB', () => {
    const log = new LinuxLog(2)
    for (let i = 0; i < 300_000; i++) log.line(`${i}: ${'x'.repeat(90)}`)
    const text = log.text()
    expect(text.length).toBeLessThanOrEqual(16 * 2 ** 20)
    expect(text.length).toBeGreaterThan(7 * 2 ** 20)
    expect(text).toMatch(/^\d+: x{90}\n/)
    expect(text.endsWith(`299999: ${'x'.repeat(90)}\n`)).toBe(true)
  })
})
