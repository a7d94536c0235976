import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AssembleOptions,
  assemble,
  disassemble,
  encodeProgram,
  formatInstruction,
  printDisassembly,
} from '../../src/isa/index.ts'
import { type AnybpfError, bytesToHex, isAnybpfError, SeededRandom } from '../../src/util/index.ts'
import { runs, SEED } from '../support/runs.ts'

/** The texts of a program's instructions, in the kernel's syntax. */
const read = (text: string, options?: AssembleOptions): string[] =>
  disassemble(assemble(text, options)).map((line) => line.text)

function refusal(text: string, options?: AssembleOptions): AnybpfError {
  try {
    assemble(text, options)
  } catch (error) {
    if (isAnybpfError(error)) return error
    throw error
  }
  throw new Error(`assembled: ${text}`)
}

describe("the kernel's and clang's syntax", () => {
  it.each([
    ['r1=2', 'r1 = 2'],
    ['r1 = 0xffffffff', 'r1 = -1'],
    ['r1 = -0x80000000', 'r1 = -2147483648'],
    ['w1 = 4294967295', 'w1 = -1'],
    ['r1 = 5ll', 'r1 = 0x5 ll'],
    ['r1 = -1 ll', 'r1 = 0xffffffffffffffff ll'],
    ['r1 = 18446744073709551615 ll', 'r1 = 0xffffffffffffffff ll'],
    ['r0 = *(u8*)(r1+0)', 'w0 = *(u8 *)(r1 + 0)'],
    ['r0 = *(u32 *)(r1 +4)', 'w0 = *(u32 *)(r1 + 4)'],
    ['r0 = *(u64 *)(r1)', 'r0 = *(u64 *)(r1 + 0)'],
    ['r0 = *(u64 *)(r10 + -8)', 'r0 = *(u64 *)(r10 - 8)'],
    ['r0 = *(u64 *)(r1 + 0x10)', 'r0 = *(u64 *)(r1 + 16)'],
    ['*(u32*)(r10-4)=r1', '*(u32 *)(r10 - 4) = w1'],
    ['*(u32 *)(r10 -4) = 4294967295', '*(u32 *)(r10 - 4) = -1'],
    ['lock *(u32 *)(r10 - 4) |= r1', 'lock *(u32 *)(r10 - 4) |= w1'],
    ['r1 = atomic64_fetch_xor((u64 *)(r10 -8), r1)', 'r1 = atomic_fetch_xor((u64 *)(r10 - 8), r1)'],
    ['r1 = atomic64_xchg((u64 *)(r10 -8), r1)', 'r1 = xchg_64(r10 - 8, r1)'],
    ['r0 = atomic_cmpxchg((u32 *)(r10 -4), r0, r1)', 'w0 = cmpxchg32_32(r10 - 4, w0, w1)'],
    ['if r1 s>= -1 goto pc+3', 'if r1 s>= -1 goto +3'],
    ['if r1 s>=-1 goto+3', 'if r1 s>= -1 goto +3'],
    ['goto +0x3 <.text+0x40>', 'goto +3'],
    ['gotol pc-2', 'gotol -2'],
    ['may_goto pc+1', 'may_goto +1'],
    ['call pc-5', 'call pc-5'],
    ['call bpf_map_lookup_elem#1', 'call 1'],
    ['call -1', 'call -1'],
    ['call 0xc', 'call 12'],
    ['r0 = *(u16 *)skb[r6]', 'r0 = *(u16 *)skb[r6]'],
    ['r0 = *(u16 *)skb[-4096]', 'r0 = *(u16 *)skb[-4096]'],
    ['r1 = -r1', 'r1 = -r1'],
    ['r1 = - 1', 'r1 = -1'],
  ])('%s', (text, printed) => {
    expect(read(text, { syntax: 'kernel' })).toEqual([printed])
  })

  it('resolves labels forwards and backwards, over wide instructions', () => {
    expect(
      read(`
        start: r1 = 5 ll
        if r1 == 0 goto end
        goto start
        r2 = code_addr(sub)
        call sub
      end:
        exit
      sub: r0 = 1
        exit`),
    ).toEqual([
      'r1 = 0x5 ll',
      'if r1 == 0 goto +4',
      'goto -4',
      'r2 = code_addr(+3)',
      'call pc+1',
      'exit',
      'r0 = 1',
      'exit',
    ])
  })

  it('takes comments, separators, and Windows line ends', () => {
    expect(read('# all\n// of\n; these\nr0 = 1; r0 += 2 ;\r\n  exit // end\n\n')).toEqual(['r0 = 1', 'r0 += 2', 'exit'])
    expect(read('a: b: c:\nexit')).toEqual(['exit'])
    expect(read('')).toEqual([])
  })

  it('asks the caller for the names of helpers and kfuncs; a label comes first', () => {
    const known = new Map([
      ['helper get', 14],
      ['kfunc lock', 99],
      ['helper sub', 7],
    ])
    const resolve = (name: string, target: string): number | undefined => known.get(`${target} ${name}`)
    expect(read('call get\ncall kfunc lock\ncall kfunc lock, 2\ncall sub\nsub: exit', { resolve })).toEqual([
      'call 14',
      'call kfunc 99',
      'call kfunc 99, 2',
      'call pc+0',
      'exit',
    ])
    expect(refusal('call get').message).toBe(
      'line 1, column 6: "get" is neither a label nor a helper that is known here',
    )
    expect(refusal('call kfunc get', { resolve }).message).toContain('no kfunc that is known here')
  })
})

describe("the conformance suite's syntax", () => {
  it.each([
    ['mov %r0, 1', 'r0 = 1'],
    ['mov64 r0, 1', 'r0 = 1'],
    ['mov32 %r0, 0xffffffff', 'w0 = -1'],
    ['add %r1, %r2', 'r1 += r2'],
    ['sdiv32 %r1, -3', 'w1 s/= -3'],
    ['smod %r1, %r2', 'r1 s%= r2'],
    ['neg %r1', 'r1 = -r1'],
    ['movsx3264 %r1, %r2', 'r1 = (s32)r2'],
    ['le16 %r0', 'r0 = le16 r0'],
    ['swap32 %r0', 'r0 = bswap32 r0'],
    ['bswap64 %r0', 'r0 = bswap64 r0'],
    ['lddw %r0, 0x1122334455667788', 'r0 = 0x1122334455667788 ll'],
    ['lddw %r0, -1', 'r0 = 0xffffffffffffffff ll'],
    ['ldxsb %r0, [%r1]', 'r0 = *(s8 *)(r1 + 0)'],
    ['ldxw %r0, [%r1+0xffff]', 'w0 = *(u32 *)(r1 - 1)'],
    ['stxdw [%r10-8], %r1', '*(u64 *)(r10 - 8) = r1'],
    ['stw [%r1+2], 0x44332211', '*(u32 *)(r1 + 2) = 1144201745'],
    ['lock add32 [%r10-4], %r1', 'lock *(u32 *)(r10 - 4) += w1'],
    ['lock fetch or [%r10-8], %r1', 'r1 = atomic_fetch_or((u64 *)(r10 - 8), r1)'],
    ['lock fetch_add32 [%r1+8], %r2', 'w2 = atomic_fetch_add((u32 *)(r1 + 8), w2)'],
    ['lock cmpxchg32 [%r10-4], %r1', 'w0 = cmpxchg32_32(r10 - 4, w0, w1)'],
    ['jeq32 %r1, 0xffffffff, +2', 'if w1 == -1 goto +2'],
    ['ja32 -1', 'gotol -1'],
    ['call helper 5', 'call 5'],
    ['call %r2', 'callx r2'],
    ['call helper %r2', 'callx r2'],
    ['call runtime 7', 'call kfunc 7'],
    ['ldindw %r1, 4', 'r0 = *(u32 *)skb[r1 + 4]'],
  ])('%s', (text, printed) => {
    expect(read(text, { syntax: 'conformance' })).toEqual([printed])
  })

  it('takes the first exit for the target `exit`, unless a label has that name', () => {
    const program = `jne %r1, 2, exit\n mov %r0, 1\n exit\n mov %r0, 2\n`
    expect(read(`${program}exit`)[0]).toBe('if r1 != 2 goto +1')
    expect(read(`${program}exit:\nexit`)[0]).toBe('if r1 != 2 goto +3')
    expect(refusal('ja exit').message).toContain('no label "exit"')
  })

  it('assembles a program with a local function as its suite encodes it', () => {
    const insns = assemble(`
      mov %r1, 2      # argument
      call local func
      exit
    func:
      mov %r0, %r1
      exit`)
    expect(bytesToHex(encodeProgram(insns, 'little'))).toBe(
      'b701000002000000' + '8510000001000000' + '9500000000000000' + 'bf10000000000000' + '9500000000000000',
    )
  })
})

describe('what is refused', () => {
  it.each([
    [
      'mov32 %r0, 2147483648',
      1,
      12,
      '2147483648 does not fit 32 bits: -2147483648 to 2147483647, or 0x0 to 0xffffffff',
    ],
    ['mov32 %r0, 0x100000000', 1, 12, '0x100000000 does not fit 32 bits'],
    ['mov %r0, -2147483649', 1, 10, '-2147483649 does not fit 32 bits'],
    ['r1 = 4294967295', 1, 16, 'expected "ll"; as in: r0 = 0x5 ll'],
    ['r1 += 4294967295', 1, 7, '4294967295 does not fit 32 bits'],
    ['lddw %r0, 0x10000000000000000', 1, 11, 'does not fit 64 bits'],
    ['\nja NOWHERE\nexit', 2, 4, 'no label "NOWHERE"'],
    ['goto ende\nend: exit', 1, 6, 'no label "ende"; did you mean end?'],
    ['lock or [%r10-8]', 1, 17, 'the statement ends here; expected ","; as in: lock or [%r0+4], %r1'],
    ['lock', 1, 5, 'the statement ends here; expected "*"'],
    ['ldxq %r0, %r1', 1, 1, 'no instruction begins with "ldxq"; did you mean ldxb, as in: ldxb %r0, [%r1+4]'],
    ['mvo %r0, 1', 1, 1, 'did you mean mov, as in: mov %r0, 5'],
    ['ldxb %r0, %r1', 1, 11, 'unexpected "%r1"; expected "["; as in: ldxb %r0, [%r1+4]'],
    ['ldxb %r0, [%r1+0x10000]', 1, 16, '0x10000 does not fit 16 bits'],
    ['r0 = *(u8 *)(r1 + 0xffff)', 1, 19, '0xffff does not fit 16 bits'],
    ['lddw %r0', 1, 9, 'the statement ends here; expected ","; as in: lddw %r0, 0x5'],
    ['or %r0, %r50', 1, 9, 'no register %r50: r0 to r10 exist'],
    ['r11 = 1', 1, 1, 'no register r11'],
    ['r1 = be16 r2', 1, 11, 'r2 must be r1 again'],
    ['r1 = addr_space_cast(r1, 1, 1)', 1, 1, 'addr_space_cast needs two different address spaces'],
    ['r1 = addr_space_cast(r1, 65536, 1)', 1, 26, '65536 is no address space: 0 to 65535'],
    ['if r1 == 0 gto x', 1, 12, 'unexpected "gto"; expected "goto"; as in: if r0 == 5 goto +4'],
    ['goto 3', 1, 6, '3 is neither a label nor a distance; write +3'],
    ['goto +40000', 1, 6, '40000 does not fit 16 bits'],
    ['goto +', 1, 7, 'expected a number'],
    ['goto end\nend:', 1, 6, 'label end stands behind the last instruction'],
    ['r1 = 5; sets r1', 1, 9, 'a comment begins with # or //'],
    ['a: exit\na: exit', 2, 1, 'label a is defined twice'],
    ['r1 = 12x', 1, 6, 'malformed number "12x"'],
    ['r1 = @', 1, 6, 'unexpected character "@"'],
    ['exit exit', 1, 6, 'unexpected "exit"; expected the end of the statement'],
    ['w1 = r2', 1, 6, 'unexpected "r2"'],
    ['call 0x1ffffffff', 1, 6, 'does not fit 32 bits'],
  ])('%j', (text, line, column, message) => {
    const error = refusal(text)
    expect(error.code).toBe('ERR_ASSEMBLE')
    expect(error.message).toContain(message)
    expect(error.message.startsWith(`line ${line}, column ${column}: `)).toBe(true)
    expect(error.details).toEqual({ line, column })
  })

  it('is the other syntax, where one is asked for', () => {
    expect(refusal('add %r1, 2', { syntax: 'kernel' }).code).toBe('ERR_ASSEMBLE')
    expect(refusal('r1 += 2', { syntax: 'conformance' }).code).toBe('ERR_ASSEMBLE')
  })

  it('is a branch to a label that is too far, which gotol reaches', () => {
    const far = `far\n${'r0 = 0\n'.repeat(40_000)}far: exit`
    expect(refusal(`goto ${far}`).message).toContain('40000 slots away, too far; use gotol')
    expect(formatInstruction(assemble(`gotol ${far}`)[0]!)).toBe('gotol +40000')
  })
})

describe('hostile text', () => {
  const SAMPLES = [
    'r1 = 0x1122334455667788 ll',
    'w0 = *(u8 *)(r1 + 12)',
    'lbl: if r1 s> r2 goto lbl',
    'r0 = cmpxchg_64(r10 - 8, r0, r1)',
    'r1 = map_val(map_by_fd(3)) + 8',
    'call kfunc name#12, 3',
    'r1 = addr_space_cast(r2, 0, 1)',
    'lock fetch_add32 [%r1+8], %r2',
    'jeq %r1, 0, exit',
    'lddw %r0, 0x1122334455667788',
    'call local lbl',
    'exit ; # // comment',
  ]
  const PIECES = [
    'r1',
    '%r2',
    'w3',
    '+',
    '-',
    '(',
    ')',
    '[',
    ']',
    '*',
    ',',
    '=',
    'll',
    '0x',
    '99999999999',
    ':',
    ';',
    '\n',
    'goto',
    'pc',
    '<',
    '>',
    '#1',
    '.',
    '\u0000',
    'é',
  ]

  it('is refused with line and column, or means a program that can be printed and read again', () => {
    let accepted = 0
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new SeededRandom(seed)
        let text = Array.from({ length: random.between(1, 4) }, () => random.pick(SAMPLES)).join('\n')
        for (let i = random.below(4); i > 0; i--) {
          const at = random.below(text.length + 1)
          text = text.slice(0, at) + random.pick(PIECES) + text.slice(at + random.below(4))
        }
        try {
          const insns = assemble(text)
          accepted++
          expect(assemble(printDisassembly(disassemble(insns)))).toEqual(insns)
          encodeProgram(insns, 'little')
        } catch (error) {
          if (!isAnybpfError(error)) throw error
          expect(error.code).toBe('ERR_ASSEMBLE')
          expect(error.details).toEqual({ line: expect.any(Number), column: expect.any(Number) })
        }
      }),
      { seed: SEED, numRuns: runs(20_000) },
    )
    expect(accepted).toBeGreaterThan(100)
  })

  it.each([
    ['one long line', 'r1 += 1 '.repeat(50_000)],
    ['a long number', `r1 = ${'9'.repeat(200_000)} ll`],
    ['a long word', 'x'.repeat(200_000)],
    ['a long register', `r${'1'.repeat(200_000)} = 1`],
    ['an open bracket', `goto +1 ${'<'.repeat(100_000)}`],
    [
      'an unknown label among many',
      `goto nowhere\n${Array.from({ length: 20_000 }, (_, i) => `nowher${i}: exit`).join('\n')}`,
    ],
    ['many labels on one line', `${Array.from({ length: 20_000 }, (_, i) => `a${i}:`).join(' ')} r1 +`],
  ])('%s is refused quickly', (_, text) => {
    const begin = performance.now()
    expect(refusal(text).code).toBe('ERR_ASSEMBLE')
    expect(performance.now() - begin).toBeLessThan(2000)
  })
})
