import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  assemble,
  decodeInstruction,
  decodeProgram,
  disassemble,
  encodeInstruction,
  encodeProgram,
  type Instruction,
  labelTargets,
  printDisassembly,
  validateProgram,
} from '../../src/isa/index.ts'
import { type AnybpfError, bytesToHex, hexToBytes, isAnybpfError } from '../../src/util/index.ts'
import { arbitraryInsns } from '../support/arbitrary-insn.ts'
import { runs, SEED } from '../support/runs.ts'

const decode = (hex: string): Instruction[] => decodeProgram(hexToBytes(hex), 'little')

function thrown(action: () => unknown): AnybpfError {
  try {
    action()
  } catch (error) {
    if (isAnybpfError(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('decoding', () => {
  it.each<[string, string, Instruction]>([
    [
      'r1 += 0x11223344',
      '07 01 0000 44332211',
      { kind: 'alu', op: 'add', width: 64, dst: 1, src: { imm: 0x11223344 } },
    ],
    ['w1 s/= w2', '3c 21 0100 00000000', { kind: 'alu', op: 'sdiv', width: 32, dst: 1, src: { reg: 2 } }],
    ['r1 = (s8)r2', 'bf 21 0800 00000000', { kind: 'movsx', width: 64, bits: 8, dst: 1, src: 2 }],
    ['arena cast', 'bf 21 0100 01000000', { kind: 'addr_space_cast', dst: 1, src: 2, to: 0, from: 1 }],
    ['ldxsh', '89 21 fcff 00000000', { kind: 'load', size: 2, signed: true, dst: 1, base: 2, off: -4 }],
    [
      'cmpxchg',
      'db 12 f8ff f1000000',
      { kind: 'atomic', op: 'cmpxchg', size: 8, fetch: true, base: 2, off: -8, src: 1 },
    ],
    ['load-acquire u8', 'd3 21 0000 00010000', { kind: 'load_acquire', size: 1, dst: 1, base: 2, off: 0 }],
    ['store-release u16', 'cb 12 0000 10010000', { kind: 'store_release', size: 2, base: 2, off: 0, src: 1 }],
    ['packet', '48 10 0000 0e000000', { kind: 'load_packet', mode: 'ind', size: 2, src: 1, imm: 14 }],
    ['gotol', '06 00 0000 00000100', { kind: 'goto', wide: true, off: 65536 }],
    ['gotox', '0d 02 0000 00000000', { kind: 'goto_indirect', dst: 2 }],
    ['may_goto', 'e5 00 0300 00000000', { kind: 'may_goto', off: 3 }],
    ['an unresolved call of an object file', '85 10 0000 ffffffff', { kind: 'call', target: 'local', imm: -1, off: 0 }],
    ['a kfunc of a module', '85 20 0200 39300000', { kind: 'call', target: 'kfunc', imm: 12345, off: 2 }],
    ['callx', '8d 03 0000 00000000', { kind: 'callx', reg: 3 }],
    ['callx as clang wrote it before 19', '8d 00 0000 03000000', { kind: 'callx', reg: 3 }],
  ])('%s', (_, hex, insn) => {
    expect(decode(hex)).toEqual([insn])
  })

  it('reads each kind of lddw, in two slots', () => {
    const sources = ['imm64', 'map_fd', 'map_value', 'var_addr', 'code_addr', 'map_idx', 'map_idx_value']
    for (const [src, source] of sources.entries()) {
      const insns = decode(`18 ${src}1 0000 05000000 00000000 00000000`)
      expect(insns).toEqual([{ kind: 'lddw', source, dst: 1, imm: 5, imm2: 0 }, { kind: 'wide_tail' }])
    }
  })

  it('swaps the register nibbles and the bytes of a big-endian program (RFC 9669, section 3.1)', () => {
    const little = hexToBytes('07 01 0000 44332211')
    const big = hexToBytes('07 10 0000 11223344')
    expect(decodeProgram(big, 'big')).toEqual(decodeProgram(little, 'little'))
    expect(bytesToHex(encodeProgram(decodeProgram(little, 'little'), 'big'))).toBe(bytesToHex(big))
  })

  it.each([
    [
      '00 00 0000 00000000',
      'slot 0: opcode 0x00 is no instruction (zero is only the second slot of a wide instruction)',
    ],
    ['07 21 0000 00000000', 'slot 0: opcode 0x07 (add64_imm): src is 2, which is not used here and must be zero'],
    [
      'bc 21 2000 00000000',
      'slot 0: opcode 0xbc (mov32_reg, movsx8_32, movsx16_32): offset is 32, and may be 0, 8, 16',
    ],
    [
      'bf 21 0100 00000000',
      'slot 0: opcode 0xbf (addr_space_cast): immediate is 0, and may be two different address spaces',
    ],
    ['18 71 0000 00000000 00000000 00000000', 'and may be 0, 1, 2, 3, 4, 5, 6'],
    [
      '18 11 0000 00000000 00000000 01000000',
      'the second immediate of lddw_map_fd is not used and must be zero, not 1',
    ],
    ['18 01 0000 00000000', 'slot 0: lddw_imm64 takes two slots, and the program ends after the first'],
    ['18 01 0000 00000000 95000000 00000000', 'the second slot of lddw_imm64 must be zero but for its immediate'],
    ['bf 2b 0000 00000000', 'there is no register r11'],
    ['8d 01 0000 03000000', 'immediate is 3, which is not used here and must be zero'],
    ['e5 10 0000 00000000', 'src is 1'],
    ['df 01 0000 10000000', 'opcode 0xdf is no instruction'],
    ['d4 01 0000 08000000', 'immediate is 8, and may be 16, 32, 64'],
    ['c3 12 0000 02000000', 'immediate is 2, and may be 0, 1, 64'],
    ['d3 12 0000 00000000', 'immediate is 0, and may be 256, 272'],
    ['c2 00 0000 00000000', 'opcode 0xc2 is no instruction'], // the speculation barrier inside Linux
    ['21 00 0000 00000000', 'opcode 0x21 is no instruction'], // PROBE_MEM inside Linux
  ])('refuses %s and says why', (hex, message) => {
    const error = thrown(() => decode(hex))
    expect(error.code).toBe('ERR_DECODE')
    expect(error.message).toContain(message)
  })

  it('numbers the slot of the fault, counting both slots of a wide instruction', () => {
    const error = thrown(() => decode('18010000 05000000 00000000 00000000  95000000 00000000  ff000000 00000000'))
    expect(error.details).toEqual({ slot: 3 })
  })

  it('refuses a program that is no multiple of 8 bytes, and a slot outside', () => {
    expect(thrown(() => decodeProgram(new Uint8Array(12), 'little')).code).toBe('ERR_DECODE')
    expect(thrown(() => decodeInstruction(new Uint8Array(8), 'little', 1)).code).toBe('ERR_DECODE')
    expect(thrown(() => decodeInstruction(new Uint8Array(8), 'little', -1)).code).toBe('ERR_DECODE')
    expect(decodeProgram(new Uint8Array(0), 'little')).toEqual([])
  })

  it('reads 200,000 slots in well under a second', () => {
    const slots = 200_000
    const one = encodeInstruction({ kind: 'alu', op: 'add', width: 64, dst: 1, src: { reg: 2 } }, 'little')
    const bytes = new Uint8Array(8 * slots)
    for (let i = 0; i < slots; i++) bytes.set(one, 8 * i)
    const begin = performance.now()
    expect(decodeProgram(bytes, 'little').length).toBe(slots)
    expect(performance.now() - begin).toBeLessThan(1000)
  })
})

describe('encoding', () => {
  it.each<[Instruction, string]>([
    [{ kind: 'alu', op: 'add', width: 64, dst: 11, src: { imm: 0 } }, 'dst is 11'],
    [{ kind: 'alu', op: 'add', width: 64, dst: 1, src: { imm: 2 ** 31 } }, 'imm is 2147483648'],
    [{ kind: 'alu', op: 'add', width: 64, dst: 1, src: { imm: 0.5 } }, 'imm is 0.5'],
    [{ kind: 'goto', wide: false, off: 32768 }, 'off is 32768'],
    [{ kind: 'call', target: 'local', imm: 1, off: 1 }, 'off is 1'],
    [{ kind: 'load_packet', mode: 'abs', size: 1, src: 3, imm: 0 }, 'src is 3'],
    [{ kind: 'lddw', source: 'map_fd', dst: 1, imm: 1, imm2: 1 }, 'imm2 is 1'],
    [{ kind: 'addr_space_cast', dst: 1, src: 1, to: 1, from: 1 }, 'cannot cast to address space 1 from 1'],
    [{ kind: 'addr_space_cast', dst: 1, src: 1, to: 65536, from: 1 }, 'cannot cast to address space 65536 from 1'],
    [{ kind: 'load', size: 8, signed: true, dst: 0, base: 1, off: 0 }, 'no encoding'],
    [{ kind: 'atomic', op: 'xchg', size: 8, fetch: false, base: 1, off: 0, src: 0 }, 'no encoding'],
    [{ kind: 'atomic', op: 'add', size: 2, fetch: false, base: 1, off: 0, src: 0 }, 'no encoding'],
    [{ kind: 'movsx', width: 32, bits: 32, dst: 1, src: 1 }, 'no encoding'],
    [{ kind: 'wide_tail' }, 'a wide_tail without its lddw'],
  ])('refuses %j', (insn, message) => {
    const error = thrown(() => encodeInstruction(insn, 'little'))
    expect(error.code).toBe('ERR_ENCODE')
    expect(error.message).toContain(message)
  })

  it('refuses an lddw without its tail, and a tail without its lddw', () => {
    const lddw: Instruction = { kind: 'lddw', source: 'imm64', dst: 1, imm: 1, imm2: 2 }
    expect(thrown(() => encodeProgram([lddw, { kind: 'exit' }], 'little')).message).toContain('slot 0')
    expect(thrown(() => encodeProgram([{ kind: 'exit' }, { kind: 'wide_tail' }], 'little')).message).toContain('slot 1')
  })

  it('is the inverse of decoding, in both byte orders', () => {
    fc.assert(
      fc.property(arbitraryInsns(), fc.constantFrom('little' as const, 'big' as const), (insns, order) => {
        const bytes = encodeProgram(insns, order)
        expect(decodeProgram(bytes, order)).toEqual(insns)
      }),
      { seed: SEED, numRuns: runs(20_000) },
    )
  })
})

describe('validateProgram', () => {
  const problems = (text: string): string[] => validateProgram(assemble(text)).map((p) => `${p.slot}: ${p.message}`)

  it('finds nothing in a sound program', () => {
    expect(problems('if r1 == 0 goto +1\n r0 = 1 ll\n exit')).toEqual(['0: jump into the middle of the lddw at slot 1'])
    expect(problems('if r1 == 0 goto +2\n r0 = 1 ll\n exit')).toEqual([])
    expect(problems('r0 = 0\n goto -2')).toEqual([])
  })

  it.each([
    ['goto +1\nexit', '0: jump to slot 2, outside the program of 2 slots'],
    ['r0 = 0\ngoto -3', '1: jump to slot -1, outside the program of 2 slots'],
    ['may_goto +5\nexit', '0: jump to slot 6, outside the program of 2 slots'],
    ['gotol -2\nexit', '0: jump to slot -1, outside the program of 2 slots'],
    ['call pc+7\nexit', '0: call to slot 8, outside the program of 2 slots'],
    ['r1 = code_addr(+9)\nexit', '0: address to slot 10, outside the program of 3 slots'],
    ['r0 = 0', '0: control runs off the end: the last instruction is neither exit nor goto'],
    ['', '0: the program is empty'],
  ])('%j', (text, problem) => {
    expect(problems(text)).toEqual([problem])
  })
})

describe('hostile bytes', () => {
  /** A program with an instruction of many kinds, to be spoiled. */
  const seedProgram = encodeProgram(
    assemble(`
      r1 = 0x1122334455667788 ll
      r2 = map_val(map_by_fd(3)) + 8
      w0 = *(u8 *)(r1 + 12)
      if r1 s> r2 goto +3
      lock *(u64 *)(r10 - 8) += r1
      r0 = cmpxchg_64(r10 - 8, r0, r1)
      r1 = (s16)r2
      r1 = bswap32 r1
      r0 = *(u16 *)skb[r6 + 4]
      call 12
      call kfunc 77
      callx r3
      r1 = addr_space_cast(r2, 0, 1)
      w1 = load_acquire((u32 *)(r2 + 0))
      may_goto +1
      gotol -3
      exit`),
    'little',
  )

  it('either are refused with our error, or can be walked, printed, assembled and encoded again', () => {
    const edit = fc.tuple(fc.nat({ max: seedProgram.length - 1 }), fc.nat({ max: 255 }))
    let accepted = 0
    fc.assert(
      fc.property(
        fc.array(edit, { maxLength: 4 }),
        fc.nat({ max: seedProgram.length }),
        fc.constantFrom('little' as const, 'big' as const),
        (edits, length, order) => {
          const bytes = seedProgram.slice(0, length & 1 ? seedProgram.length : length)
          for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value
          let insns: Instruction[]
          try {
            insns = decodeProgram(bytes, order)
          } catch (error) {
            expect(isAnybpfError(error) && error.code).toBe('ERR_DECODE')
            return
          }
          accepted++
          validateProgram(insns)
          const again = encodeProgram(insns, order)
          // The older callx is written as the newer one.
          const older = insns.some((insn, slot) => insn.kind === 'callx' && bytes[8 * slot + 1] === 0)
          if (!older) expect(again).toEqual(bytes)
          for (const labels of [new Map<number, string>(), labelTargets(insns)]) {
            for (const syntax of ['kernel', 'conformance'] as const) {
              const text = printDisassembly(disassemble(insns, { syntax, labels }))
              expect(encodeProgram(assemble(text, { syntax }), order)).toEqual(again)
            }
          }
        },
      ),
      { seed: SEED, numRuns: runs(20_000) },
    )
    expect(accepted).toBeGreaterThan(20)
  })
})
