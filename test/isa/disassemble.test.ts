import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WIDE_TAIL } from '../../src/isa/encoding.ts'
import {
  assemble,
  disassemble,
  formatInstruction,
  type Instruction,
  labelTargets,
  printDisassembly,
} from '../../src/isa/index.ts'
import { isAnybpfError } from '../../src/util/index.ts'
import { arbitraryInsnOf, arbitraryInsns, ENCODABLE_ROWS, withTails } from '../support/arbitrary-insn.ts'
import { runs, SEED } from '../support/runs.ts'

describe('the text of an instruction', () => {
  it.each<[string, string, Instruction]>([
    ['r1 += 2', 'add %r1, 2', { kind: 'alu', op: 'add', width: 64, dst: 1, src: { imm: 2 } }],
    ['w1 = -1', 'mov32 %r1, -1', { kind: 'alu', op: 'mov', width: 32, dst: 1, src: { imm: -1 } }],
    ['r1 = -1', 'mov %r1, -1', { kind: 'alu', op: 'mov', width: 64, dst: 1, src: { imm: -1 } }],
    ['r1 s/= r2', 'sdiv %r1, %r2', { kind: 'alu', op: 'sdiv', width: 64, dst: 1, src: { reg: 2 } }],
    ['w3 s>>= 31', 'arsh32 %r3, 31', { kind: 'alu', op: 'arsh', width: 32, dst: 3, src: { imm: 31 } }],
    ['w1 = -w1', 'neg32 %r1', { kind: 'neg', width: 32, dst: 1 }],
    ['r1 = (s8)r2', 'movsx864 %r1, %r2', { kind: 'movsx', width: 64, bits: 8, dst: 1, src: 2 }],
    ['w1 = (s16)w2', 'movsx1632 %r1, %r2', { kind: 'movsx', width: 32, bits: 16, dst: 1, src: 2 }],
    [
      'r1 = addr_space_cast(r2, 0, 1)',
      'addr_space_cast %r1, %r2, 0, 1',
      { kind: 'addr_space_cast', dst: 1, src: 2, to: 0, from: 1 },
    ],
    ['r1 = be16 r1', 'be16 %r1', { kind: 'endian', op: 'be', bits: 16, dst: 1 }],
    ['r1 = bswap16 r1', 'bswap16 %r1', { kind: 'endian', op: 'bswap', bits: 16, dst: 1 }],
    ['w0 = *(u8 *)(r1 + 12)', 'ldxb %r0, [%r1+12]', { kind: 'load', size: 1, signed: false, dst: 0, base: 1, off: 12 }],
    ['r0 = *(u64 *)(r1 - 8)', 'ldxdw %r0, [%r1-8]', { kind: 'load', size: 8, signed: false, dst: 0, base: 1, off: -8 }],
    ['r0 = *(s32 *)(r1 + 0)', 'ldxsw %r0, [%r1+0]', { kind: 'load', size: 4, signed: true, dst: 0, base: 1, off: 0 }],
    ['*(u32 *)(r10 - 4) = w1', 'stxw [%r10-4], %r1', { kind: 'store', size: 4, base: 10, off: -4, src: { reg: 1 } }],
    ['*(u64 *)(r10 - 8) = -7', 'stdw [%r10-8], -7', { kind: 'store', size: 8, base: 10, off: -8, src: { imm: -7 } }],
    [
      'lock *(u64 *)(r0 + 0) += r1',
      'lock add [%r0+0], %r1',
      { kind: 'atomic', op: 'add', size: 8, fetch: false, base: 0, off: 0, src: 1 },
    ],
    [
      'r1 = atomic_fetch_add((u64 *)(r2 + 0), r1)',
      'lock fetch add [%r2+0], %r1',
      { kind: 'atomic', op: 'add', size: 8, fetch: true, base: 2, off: 0, src: 1 },
    ],
    [
      'w1 = xchg32_32(r2 + 0, w1)',
      'lock xchg32 [%r2+0], %r1',
      { kind: 'atomic', op: 'xchg', size: 4, fetch: true, base: 2, off: 0, src: 1 },
    ],
    [
      'r0 = cmpxchg_64(r2 + 0, r0, r1)',
      'lock cmpxchg [%r2+0], %r1',
      { kind: 'atomic', op: 'cmpxchg', size: 8, fetch: true, base: 2, off: 0, src: 1 },
    ],
    [
      'w0 = load_acquire((u32 *)(r1 + 0))',
      'load_acquirew %r0, [%r1+0]',
      { kind: 'load_acquire', size: 4, dst: 0, base: 1, off: 0 },
    ],
    [
      'store_release((u64 *)(r1 + 8), r2)',
      'store_releasedw [%r1+8], %r2',
      { kind: 'store_release', size: 8, base: 1, off: 8, src: 2 },
    ],
    ['r0 = *(u8 *)skb[14]', 'ldabsb 14', { kind: 'load_packet', mode: 'abs', size: 1, src: 0, imm: 14 }],
    ['r0 = *(u8 *)skb[r1 + 4]', 'ldindb %r1, 4', { kind: 'load_packet', mode: 'ind', size: 1, src: 1, imm: 4 }],
    [
      'r1 = 0x1122334455667788 ll',
      'lddw %r1, 0x1122334455667788',
      { kind: 'lddw', source: 'imm64', dst: 1, imm: 0x55667788, imm2: 0x11223344 },
    ],
    [
      'r1 = 0xffffffffffffffff ll',
      'lddw %r1, 0xffffffffffffffff',
      { kind: 'lddw', source: 'imm64', dst: 1, imm: -1, imm2: -1 },
    ],
    ['r1 = 0x80000000 ll', 'lddw %r1, 0x80000000', { kind: 'lddw', source: 'imm64', dst: 1, imm: -(2 ** 31), imm2: 0 }],
    ['r1 = map_by_fd(5)', 'lddw %r1, map_by_fd(5)', { kind: 'lddw', source: 'map_fd', dst: 1, imm: 5, imm2: 0 }],
    [
      'r1 = map_val(map_by_idx(5)) + 8',
      'lddw %r1, map_val(map_by_idx(5)) + 8',
      { kind: 'lddw', source: 'map_idx_value', dst: 1, imm: 5, imm2: 8 },
    ],
    ['r1 = var_addr(7)', 'lddw %r1, var_addr(7)', { kind: 'lddw', source: 'var_addr', dst: 1, imm: 7, imm2: 0 }],
    ['r1 = var_addr(7, 3)', 'lddw %r1, var_addr(7, 3)', { kind: 'lddw', source: 'var_addr', dst: 1, imm: 7, imm2: 3 }],
    ['r1 = code_addr(+4)', 'lddw %r1, code_addr(+4)', { kind: 'lddw', source: 'code_addr', dst: 1, imm: 4, imm2: 0 }],
    [
      'if r1 s> r2 goto +3',
      'jsgt %r1, %r2, +3',
      { kind: 'jump', op: 'sgt', width: 64, dst: 1, src: { reg: 2 }, off: 3 },
    ],
    [
      'if w1 & 7 goto -3',
      'jset32 %r1, 7, -3',
      { kind: 'jump', op: 'set', width: 32, dst: 1, src: { imm: 7 }, off: -3 },
    ],
    ['goto +0', 'ja +0', { kind: 'goto', wide: false, off: 0 }],
    ['gotol -70000', 'ja32 -70000', { kind: 'goto', wide: true, off: -70000 }],
    ['gotox r1', 'gotox %r1', { kind: 'goto_indirect', dst: 1 }],
    ['may_goto +3', 'may_goto +3', { kind: 'may_goto', off: 3 }],
    ['call 12', 'call 12', { kind: 'call', target: 'helper', imm: 12, off: 0 }],
    ['call pc+3', 'call local +3', { kind: 'call', target: 'local', imm: 3, off: 0 }],
    ['call kfunc 1234', 'call runtime 1234', { kind: 'call', target: 'kfunc', imm: 1234, off: 0 }],
    ['call kfunc 1234, 2', 'call runtime 1234, 2', { kind: 'call', target: 'kfunc', imm: 1234, off: 2 }],
    ['callx r1', 'callx %r1', { kind: 'callx', reg: 1 }],
    ['exit', 'exit', { kind: 'exit' }],
  ])('%s', (kernel, conformance, insn) => {
    expect(formatInstruction(insn)).toBe(kernel)
    expect(formatInstruction(insn, { syntax: 'conformance' })).toBe(conformance)
    expect(assemble(kernel)[0]).toEqual(insn)
    expect(assemble(conformance)[0]).toEqual(insn)
  })

  it('is nothing for the second slot of a wide instruction', () => {
    expect(formatInstruction(WIDE_TAIL)).toBe('')
  })

  it('does not exist for a combination that has no encoding', () => {
    try {
      formatInstruction({ kind: 'movsx', width: 32, bits: 32, dst: 0, src: 0 })
      expect.unreachable()
    } catch (error) {
      expect(isAnybpfError(error) && error.code).toBe('ERR_ENCODE')
    }
  })
})

describe('assembling what was disassembled', () => {
  it.each(ENCODABLE_ROWS.map((row) => [row.name, row] as const))('%s: gives the same instruction', (_, row) => {
    fc.assert(
      fc.property(arbitraryInsnOf(row), (insn) => {
        for (const syntax of ['kernel', 'conformance'] as const) {
          const text = formatInstruction(insn, { syntax })
          expect(assemble(text, { syntax })).toEqual(withTails([insn]))
          expect(assemble(text)).toEqual(withTails([insn]))
        }
      }),
      { seed: SEED, numRuns: 10 },
    )
  })

  it('gives the same program, with labels and without', () => {
    fc.assert(
      fc.property(
        arbitraryInsns(),
        fc.boolean(),
        fc.constantFrom('kernel' as const, 'conformance' as const),
        (insns, named, syntax) => {
          const text = printDisassembly(
            disassemble(insns, {
              syntax,
              ...(named ? { labels: labelTargets(insns) } : {}),
              calleeName: (target, id) => `${target}_${Math.abs(id)}`,
              comment: (insn) => `a comment; of ${insn.kind} // and # so on`,
            }),
          )
          expect(assemble(text, { syntax })).toEqual(insns)
        },
      ),
      { seed: SEED, numRuns: runs(20_000) },
    )
  })
})

describe('a listing', () => {
  const program = assemble(
    `
    entry:
      r1 = 5 ll
      if r1 == 0 goto done
      call 1
      call helper_function
    done:
      exit
    helper_function:
      r0 = 0
      exit`,
    { resolve: () => 1 },
  )

  it('numbers lines by slot, and gives labels to targets', () => {
    const lines = disassemble(program, {
      labels: labelTargets(
        program,
        new Map([
          [0, 'main'],
          [6, 'sub prog'],
        ]),
      ),
    })
    expect(printDisassembly(lines, { slots: true })).toBe(
      [
        'main:',
        '  0: r1 = 0x5 ll',
        '  2: if r1 == 0 goto L1',
        '  3: call 1',
        '  4: call sub_prog',
        'L1:',
        '  5: exit',
        'sub_prog:',
        '  6: r0 = 0',
        '  7: exit',
        '',
      ].join('\n'),
    )
  })

  it('shows bytes in the byte order asked for, and names of helpers', () => {
    const lines = disassemble(program, { bytes: 'big', calleeName: () => 'bpf_map_lookup_elem' })
    expect(lines[0]).toEqual({
      slot: 0,
      text: 'r1 = 0x5 ll',
      bytes: '18 10 00 00 00 00 00 05 00 00 00 00 00 00 00 00',
    })
    expect(lines[2]).toEqual({ slot: 3, text: 'call bpf_map_lookup_elem#1', bytes: '85 00 00 00 00 00 00 01' })
  })

  it('makes distinct labels that can be read back, whatever the names', () => {
    const labels = labelTargets(
      program,
      new Map([
        [0, 'r1'],
        [2, 'r1'],
        [3, ''],
        [4, '1st'],
        [5, 'a b'],
        [6, 'a-b'],
      ]),
    )
    expect([...labels.values()]).toEqual(['_r1', '_r1.2', '_', '_1st', 'a_b', 'a_b.2'])
    expect(assemble(printDisassembly(disassemble(program, { labels })))).toEqual(program)
  })

  it('makes labels of very many names that look the same', { timeout: 10_000 }, () => {
    const insns = Array.from({ length: 100_000 }, () => ({ kind: 'exit' }) as const)
    const labels = labelTargets(insns, new Map(insns.map((_, slot) => [slot, String.fromCodePoint(0x10000 + slot)])))
    expect(new Set(labels.values()).size).toBe(insns.length)
  })

  it('does not name what lies outside the program or inside a wide instruction', () => {
    const insns = assemble('goto +1\n r0 = 1 ll\n goto +7')
    expect(labelTargets(insns).size).toBe(0)
    expect(disassemble(insns, { labels: labelTargets(insns) }).map((line) => line.text)).toEqual([
      'goto +1',
      'r0 = 0x1 ll',
      'goto +7',
    ])
  })
})
