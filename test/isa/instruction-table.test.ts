import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { instructionFields } from '../../src/isa/encoding.ts'
import {
  conformanceGroups,
  decodeInstruction,
  encodeInstruction,
  INSTRUCTION_GROUPS,
  INSTRUCTION_TABLE,
  instructionRow,
} from '../../src/isa/index.ts'
import { arbitraryInsnOf, ENCODABLE_ROWS } from '../support/arbitrary-insn.ts'
import { SEED } from '../support/runs.ts'

const names = (filter: (name: string) => boolean): string[] => INSTRUCTION_TABLE.map((row) => row.name).filter(filter)

describe('the instruction table', () => {
  it('names every encoding once', () => {
    expect(new Set(INSTRUCTION_TABLE.map((row) => row.name)).size).toBe(INSTRUCTION_TABLE.length)
  })

  it('has every opcode byte of RFC 9669, and the post-RFC ones', () => {
    const alu = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0, 0xb0, 0xc0]
    const jumps = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0]
    const expected = [
      ...alu.flatMap((code) => [0x04, 0x0c, 0x07, 0x0f].map((low) => code | low)),
      ...jumps.flatMap((code) => [0x05, 0x0d, 0x06, 0x0e].map((low) => code | low)),
      ...[0x84, 0x87, 0xd4, 0xdc, 0xd7], // neg, le, be, bswap
      ...[0x61, 0x69, 0x71, 0x79, 0x81, 0x89, 0x91], // loads
      ...[0x62, 0x6a, 0x72, 0x7a, 0x63, 0x6b, 0x73, 0x7b], // stores
      ...[0xc3, 0xcb, 0xd3, 0xdb], // atomics; 8 and 16 bits only for load-acquire and store-release
      ...[0x18, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50], // lddw, packet
      ...[0x05, 0x06, 0x0d, 0xe5, 0x85, 0x8d, 0x95], // goto, gotol, gotox, may_goto, call, callx, exit
    ]
    const opcodes = [...new Set(INSTRUCTION_TABLE.map((row) => row.opcode))].sort((a, b) => a - b)
    expect(opcodes).toEqual([...new Set(expected)].sort((a, b) => a - b))
  })

  it('puts each row into a known group, and every group has rows', () => {
    const groups = new Set(INSTRUCTION_TABLE.map((row) => row.group))
    expect([...groups].sort()).toEqual(INSTRUCTION_GROUPS.map((group) => group.name).sort())
    const known = new Set<string>(INSTRUCTION_GROUPS.map((group) => group.name))
    for (const group of INSTRUCTION_GROUPS) for (const name of group.includes) expect(known).toContain(name)
  })

  it('has the groups of RFC 9669 where the RFC states them', () => {
    const groupOf = (name: string) => INSTRUCTION_TABLE.find((row) => row.name === name)?.group
    expect(groupOf('add32_imm')).toBe('base32')
    expect(groupOf('add64_imm')).toBe('base64')
    expect(names((name) => /^(s?div|s?mod|mul)32_/.test(name)).map(groupOf)).toEqual(Array(10).fill('divmul32'))
    expect(names((name) => /^(s?div|s?mod|mul)64_/.test(name)).map(groupOf)).toEqual(Array(10).fill('divmul64'))
    expect(['le16', 'be32', 'bswap16'].map(groupOf)).toEqual(['base32', 'base32', 'base32'])
    expect(['le64', 'be64', 'bswap64'].map(groupOf)).toEqual(['base64', 'base64', 'base64'])
    expect(['jeq32_imm', 'jeq64_imm', 'goto', 'gotol', 'call_local', 'exit'].map(groupOf)).toEqual([
      'base32',
      'base64',
      'base32',
      'base32',
      'base32',
      'base32',
    ])
    expect(['ldxw', 'ldxdw', 'stw', 'stdw', 'stxb', 'stxdw', 'ldxsw'].map(groupOf)).toEqual([
      'base32',
      'base64',
      'base32',
      'base64',
      'base32',
      'base64',
      'base32',
    ])
    expect(names((name) => name.startsWith('lddw')).map(groupOf)).toEqual(Array(7).fill('base64'))
    expect(names((name) => /^ld(abs|ind)/.test(name)).map(groupOf)).toEqual(Array(6).fill('packet'))
    expect(groupOf('cmpxchg32')).toBe('atomic32')
    expect(groupOf('atomic_fetch_add64')).toBe('atomic64')
  })

  it.each(ENCODABLE_ROWS.map((row) => [row.name, row] as const))(
    '%s: is found again from its instruction',
    (_, row) => {
      fc.assert(
        fc.property(arbitraryInsnOf(row), (insn) => {
          expect(instructionRow(insn)).toBe(row)
          expect([...conformanceGroups([insn])]).toEqual([row.group])
          for (const order of ['little', 'big'] as const) {
            const bytes = encodeInstruction(insn, order)
            expect(bytes[0]).toBe(row.opcode)
            expect(decodeInstruction(bytes, order)).toEqual(insn)
          }
        }),
        { seed: SEED, numRuns: 20 },
      )
    },
  )

  it('says what is unused: a nonzero value there is refused', () => {
    for (const row of ENCODABLE_ROWS) {
      const [insn] = fc.sample(arbitraryInsnOf(row), { seed: SEED, numRuns: 1 })
      const good = encodeInstruction(insn!, 'little')
      const spoiled = (at: number, value: number): Uint8Array => {
        const bytes = good.slice()
        bytes[at] = value
        return bytes
      }
      // A value that no row of this opcode gives the field.
      if (row.dst === 0 && row.opcode !== 0x8d)
        expect(() => decodeInstruction(spoiled(1, good[1]! | 1), 'little')).toThrow(/dst/)
      if (row.src !== 'reg')
        expect(() => decodeInstruction(spoiled(1, (good[1]! & 0x0f) | 0x90), 'little')).toThrow(/src/)
      if (row.off !== 'value') expect(() => decodeInstruction(spoiled(3, 0x40), 'little')).toThrow(/offset/)
      if (typeof row.imm === 'number') expect(() => decodeInstruction(spoiled(7, 0x40), 'little')).toThrow(/immediate/)
      if (row.imm2 === 0) expect(() => decodeInstruction(spoiled(12, 1), 'little')).toThrow(/second immediate/)
      if (row.imm2 !== undefined) {
        for (const at of [8, 9, 10, 11])
          expect(() => decodeInstruction(spoiled(at, 1), 'little')).toThrow(/second slot/)
      }
      if (row.dst === 'reg')
        expect(() => decodeInstruction(spoiled(1, (good[1]! & 0xf0) | 0x0b), 'little')).toThrow(/r11/)
    }
  })

  it('keeps the operands of an instruction where the encoding has them', () => {
    expect(instructionFields({ kind: 'load', size: 4, signed: false, dst: 3, base: 1, off: -4 })).toEqual({
      dst: 3,
      src: 1,
      off: -4,
      imm: 0,
      imm2: 0,
    })
  })
})
