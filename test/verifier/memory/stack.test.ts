/**
 * The stack: what it keeps of what is written to it, and what may be read back, by programs whose verdict on Linux 6.18
 * is known.
 */
import { describe, expect, it } from 'vitest'
import { END, judge, UNKNOWN } from './programs.ts'

interface Row {
  readonly name: string
  readonly program: string
  readonly trusted: string
  /** Where it is another verdict. */
  readonly untrusted?: string
}

const ROWS: readonly Row[] = [
  {
    name: 'gives a spilled pointer back',
    program: `*(u64 *)(r10 - 8) = r1
      r2 = *(u64 *)(r10 - 8)
      r0 = *(u32 *)(r2 + 0)
      exit`,
    trusted: 'accept',
  },
  {
    name: 'gives a spilled constant back: the dead branch is not followed',
    program: `r2 = 7
      *(u32 *)(r10 - 8) = w2
      r3 = *(u32 *)(r10 - 8)
      if r3 == 7 goto good
      r0 = *(u8 *)(r2 + 0)
    good:${END}`,
    trusted: 'accept',
  },
  {
    name: 'gives a stored immediate back, sign-extended or cut as the load says',
    program: `*(u8 *)(r10 - 8) = -1
      r3 = *(u8 *)(r10 - 8)
      if r3 != 255 goto bad
      r3 = *(s8 *)(r10 - 8)
      if r3 == -1 goto good
    bad:
      r0 = *(u8 *)(r3 + 0)
    good:${END}`,
    trusted: 'accept',
  },
  {
    name: 'links a spilled scalar with the register that it was, so that one test refines both',
    program: `${UNKNOWN}
      *(u64 *)(r10 - 8) = r9
      if r9 != 3 goto out
      r2 = *(u64 *)(r10 - 8)
      if r2 == 3 goto out
      r0 = *(u8 *)(r2 + 0)
    out:${END}`,
    trusted: 'accept',
  },
  {
    name: 'links a narrow spill only with a value that fits',
    program: `${UNKNOWN}
      *(u8 *)(r10 - 8) = w9
      if r9 != 3 goto out
      r2 = *(u8 *)(r10 - 8)
      if r2 == 3 goto out
      r0 = *(u8 *)(r2 + 0)
    out:${END}`,
    trusted: "R2 invalid mem access 'scalar'",
  },
  {
    name: 'refuses a part of a spilled pointer',
    program: `*(u64 *)(r10 - 8) = r1
      r2 = *(u32 *)(r10 - 8)${END}`,
    trusted: 'invalid size of register fill',
  },
  {
    name: 'refuses to spill a part of a pointer',
    program: `*(u32 *)(r10 - 8) = w1${END}`,
    trusted: 'invalid size of register spill',
  },
  {
    name: 'lets a narrow store destroy a spilled pointer, for trusted authors only',
    program: `*(u64 *)(r10 - 8) = r1
      *(u8 *)(r10 - 7) = 0
      r2 = *(u64 *)(r10 - 8)${END}`,
    trusted: 'accept',
    untrusted: 'attempt to corrupt spilled pointer on stack',
  },
  {
    name: 'reads what was never written for trusted authors only',
    program: `*(u8 *)(r10 - 8) = 0
      r2 = *(u64 *)(r10 - 8)${END}`,
    trusted: 'accept',
    untrusted: 'invalid read from stack off -8+1 size 8',
  },
  {
    name: 'reads deeper than the stack goes for trusted authors only',
    program: `r2 = *(u64 *)(r10 - 8)${END}`,
    trusted: 'accept',
    untrusted: 'invalid read from stack R10 off=-8 size=8',
  },
  {
    name: 'knows that zeros put together are zero',
    program: `*(u32 *)(r10 - 4) = 0
      *(u32 *)(r10 - 8) = 0
      r2 = *(u64 *)(r10 - 8)
      if r2 == 0 goto good
      r0 = *(u8 *)(r2 + 0)
    good:${END}`,
    trusted: "R2 invalid mem access 'scalar'",
  },
  {
    name: 'knows zeros that are not the beginning of a slot by their kind',
    program: `*(u32 *)(r10 - 4) = 0
      r2 = *(u16 *)(r10 - 4)
      if r2 == 0 goto good
      r0 = *(u8 *)(r2 + 0)
    good:${END}`,
    trusted: 'accept',
  },
  {
    name: 'has an end above',
    program: `*(u64 *)(r10 + 0) = 0${END}`,
    trusted: 'invalid write to stack R10 off=0 size=8',
  },
  {
    name: 'has an end below',
    program: `*(u64 *)(r10 - 520) = 0${END}`,
    trusted: 'invalid write to stack R10 off=-520 size=8',
  },
  {
    name: 'is always accessed aligned',
    program: `r2 = r10
      r2 += -10
      *(u32 *)(r2 + 0) = 0${END}`,
    trusted: 'misaligned stack access off 0+-10+0 size 4',
  },
  {
    name: 'reads at a variable offset as numbers',
    program: `${UNKNOWN}
      *(u64 *)(r10 - 8) = 0
      *(u64 *)(r10 - 16) = 0
      r9 &= 8
      r2 = r10
      r2 += r9
      r3 = *(u64 *)(r2 - 16)
      if r3 == 0 goto good
      r0 = *(u8 *)(r3 + 0)
    good:${END}`,
    trusted: "R3 invalid mem access 'scalar'",
    untrusted: 'R2 variable stack access prohibited for !root, var_off=(0x0; 0x8) off=0',
  },
  {
    name: 'reads zero at a variable offset where all is zero by kind',
    program: `${UNKNOWN}
      *(u32 *)(r10 - 4) = 0
      *(u16 *)(r10 - 6) = 0
      r9 &= 1
      r2 = r10
      r2 += r9
      r3 = *(u8 *)(r2 - 4)
      if r3 == 0 goto good
      r0 = *(u8 *)(r3 + 0)
    good:${END}`,
    trusted: 'accept',
    untrusted: 'R2 variable stack access prohibited for !root, var_off=(0x0; 0x1) off=0',
  },
  {
    name: 'forgets what a write at a variable offset may hit, as a whole',
    program: `${UNKNOWN}
      *(u64 *)(r10 - 16) = 5
      r9 &= 8
      r2 = r10
      r2 += r9
      *(u8 *)(r2 - 16) = 1
      r3 = *(u64 *)(r10 - 16)
      if r3 == 5 goto good
      r0 = *(u8 *)(r3 + 0)
    good:${END}`,
    trusted: "R3 invalid mem access 'scalar'",
    untrusted: 'R2 variable stack access prohibited for !root, var_off=(0x0; 0x8) off=0',
  },
  {
    name: 'bounds variable offsets',
    program: `${UNKNOWN}
      r9 &= 0xf8
      r2 = r10
      r2 += r9
      *(u8 *)(r2 - 16) = 1${END}`,
    trusted: 'invalid variable-offset write to stack R2 var_off=(0x0; 0xf8) off=-16 size=1',
    untrusted: 'R2 variable stack access prohibited for !root, var_off=(0x0; 0xf8) off=0',
  },
  {
    name: 'does not take a pointer into a callee for the caller to keep',
    program: `r1 = r10
      r1 += -8
      call keep${END}
    keep:
      *(u64 *)(r1 + 0) = r10${END}`,
    trusted: 'cannot spill pointers to stack into stack frame of the caller',
  },
  {
    name: "lets a callee read and write its caller's frame",
    program: `*(u64 *)(r10 - 8) = 5
      r1 = r10
      r1 += -8
      call use
      r2 = *(u64 *)(r10 - 8)
      if r2 == 6 goto good
      r0 = *(u8 *)(r2 + 0)
    good:${END}
    use:
      r2 = *(u64 *)(r1 + 0)
      r2 += 1
      *(u64 *)(r1 + 0) = r2${END}`,
    trusted: 'accept',
  },
]

describe('the stack', () => {
  it.each(ROWS)('$name', ({ program, trusted, untrusted }) => {
    expect(judge(program, { type: 'sched_cls' })).toBe(trusted)
    expect(judge(program, { type: 'sched_cls', author: 'untrusted' })).toBe(untrusted ?? trusted)
  })

  it('takes the low part of a spilled number from where the byte order puts it', () => {
    const program = `${UNKNOWN}
      r9 &= 0xff
      *(u64 *)(r10 - 8) = r9
      r2 = *(u8 *)(r10 - 8)
      r3 = *(u8 *)(r10 - 1)
      if r9 != 5 goto out
      if r2 == 5 goto low
      r0 = *(u8 *)(r2 + 0)
    low:
      if r3 == 5 goto out
      r0 = *(u8 *)(r3 + 0)
    out:${END}`
    expect(judge(program)).toBe("R3 invalid mem access 'scalar'")
    expect(judge(program, { byteOrder: 'big' })).toBe("R2 invalid mem access 'scalar'")
  })
})
