/** Relocations that clang does not write: RELA, calls without relocation, references to what is not there. */
import { describe, expect, it } from 'vitest'
import { SECTION_FLAG, SECTION_TYPE } from '../../src/elf/index.ts'
import { encodeProgram, type Instruction } from '../../src/isa/index.ts'
import { linkProgram, type ObjectSpec, parseObject } from '../../src/object/index.ts'
import type { ByteOrder } from '../../src/util/index.ts'
import { makeElf, type SectionParts, type SymbolParts, symbolSections } from '../support/elf-builder.ts'

const CODE = SECTION_FLAG.alloc | SECTION_FLAG.execute
const ORDERS = ['little', 'big'] as const
const EXIT: Instruction = { kind: 'exit' }
const TAIL: Instruction = { kind: 'wide_tail' }
const callLocal = (imm: number): Instruction => ({ kind: 'call', target: 'local', imm, off: 0 })
const address = (imm: number): Instruction => ({ kind: 'lddw', source: 'imm64', dst: 1, imm, imm2: 0 })

interface RelocationParts {
  readonly slot: number
  readonly type: number
  readonly symbol: number
  readonly addend?: number
}

/** Sections: 1 `xdp`, 2 its relocations, 3 `.text`, 4 `.data`, then symbols. */
function build(
  order: ByteOrder,
  xdp: readonly Instruction[],
  text: readonly Instruction[],
  symbols: readonly SymbolParts[],
  relocations: readonly RelocationParts[],
): ObjectSpec {
  const little = order === 'little'
  const rela = relocations.some((one) => one.addend !== undefined)
  const size = rela ? 24 : 16
  const table = new DataView(new ArrayBuffer(size * relocations.length))
  relocations.forEach((one, i) => {
    table.setBigUint64(size * i, BigInt(8 * one.slot), little)
    table.setBigUint64(size * i + 8, (BigInt(one.symbol) << 32n) | BigInt(one.type), little)
    if (rela) table.setBigInt64(size * i + 16, BigInt(one.addend ?? 0), little)
  })
  const sections: SectionParts[] = [
    { name: 'xdp', type: 1, flags: CODE, data: encodeProgram(xdp, order) },
    { name: '.rel', type: rela ? SECTION_TYPE.rela : SECTION_TYPE.rel, data: new Uint8Array(table.buffer), info: 1 },
    { name: '.text', type: 1, flags: CODE, data: encodeProgram(text, order) },
    { name: '.data', type: 1, flags: 3, data: new Uint8Array(16) },
    ...symbolSections(order, symbols, 6),
  ]
  return parseObject(makeElf(order, sections))
}

const func = (name: string, section: number, slot: number, slots: number): SymbolParts => ({
  name,
  info: 0x12,
  section,
  value: 8 * slot,
  size: 8 * slots,
})

describe.each(ORDERS)('relocations (%s)', (order) => {
  it('RELA addends count, and what is in place does not', () => {
    const spec = build(
      order,
      [callLocal(77), address(99), TAIL, EXIT],
      [EXIT, EXIT],
      [func('main', 1, 0, 4), func('one', 3, 0, 1), func('two', 3, 1, 1), { name: 'x', info: 0x11, section: 4 }],
      [
        { slot: 0, type: 10, symbol: 2, addend: 8 },
        { slot: 1, type: 1, symbol: 4, addend: 12 },
      ],
    )
    expect(spec.programs['main']!.references).toEqual([
      { kind: 'function', slot: 0, via: 'call', function: 'two' },
      { kind: 'map_value', slot: 1, map: '.data', offset: 12 },
    ])
    expect(linkProgram(spec, spec.programs['main']!).insns[0]).toEqual(callLocal(3))
  })

  it('a call by section symbol counts its distance from the start of the section', () => {
    const spec = build(
      order,
      [callLocal(0), EXIT],
      [EXIT, EXIT],
      [func('main', 1, 0, 2), func('one', 3, 0, 1), func('two', 3, 1, 1), { name: '', info: 3, section: 3 }],
      [{ slot: 0, type: 10, symbol: 4 }],
    )
    expect(spec.programs['main']!.references).toEqual([{ kind: 'function', slot: 0, via: 'call', function: 'two' }])
  })

  it('a call that the assembler resolved becomes a reference if it leaves its function', () => {
    const spec = build(
      order,
      [callLocal(1), EXIT, callLocal(1), EXIT, EXIT],
      [EXIT],
      [func('main', 1, 0, 2), func('next', 1, 2, 3)],
      [],
    )
    expect(spec.programs['main']!.references).toEqual([{ kind: 'function', slot: 0, via: 'call', function: 'next' }])
    // One that stays inside is right as it stands, wherever the function is put.
    expect(spec.programs['next']!.references).toEqual([])
    expect(linkProgram(spec, spec.programs['main']!).insns).toEqual([callLocal(1), EXIT, callLocal(1), EXIT, EXIT])
  })

  it('an undefined symbol is an extern: a kernel symbol or, if called, a kernel function', () => {
    const spec = build(
      order,
      [callLocal(-1), address(0), TAIL, EXIT],
      [EXIT],
      [
        func('main', 1, 0, 4),
        { name: 'kernel_thing', info: 0x10, section: 0 },
        { name: 'maybe', info: 0x20, section: 0 },
      ],
      [
        { slot: 0, type: 10, symbol: 2 },
        { slot: 1, type: 1, symbol: 3 },
      ],
    )
    expect(spec.programs['main']!.references).toEqual([
      { kind: 'kfunc', slot: 0, extern: 'kernel_thing' },
      { kind: 'ksym', slot: 1, extern: 'maybe' },
    ])
    expect({ ...spec.externs }).toEqual({
      kernel_thing: { name: 'kernel_thing', weak: false },
      maybe: { name: 'maybe', weak: true },
    })
  })

  it.each<[string, Instruction[], RelocationParts, RegExp]>([
    [
      'the middle of a function',
      [callLocal(0), EXIT],
      { slot: 0, type: 10, symbol: 2 },
      /no function starts at byte 8/,
    ],
    [
      'beyond its data',
      [address(17), TAIL, EXIT],
      { slot: 0, type: 1, symbol: 3 },
      /byte 17 lies outside section ".data"/,
    ],
    ['before its data', [address(-1), TAIL, EXIT], { slot: 0, type: 1, symbol: 3 }, /byte -1 lies outside/],
    ['data by a call', [callLocal(-1), EXIT], { slot: 0, type: 10, symbol: 3 }, /calls ".data", which is data/],
    ['something by an exit', [EXIT, EXIT], { slot: 0, type: 1, symbol: 3 }, /changes a exit, neither lddw nor call/],
    ['an unknown type', [address(0), TAIL, EXIT], { slot: 0, type: 99, symbol: 3 }, /relocation type 99/],
    ['a symbol that is not there', [address(0), TAIL, EXIT], { slot: 0, type: 1, symbol: 9 }, /cannot be read/],
    ['common data', [address(0), TAIL, EXIT], { slot: 0, type: 1, symbol: 4 }, /common data: compile with -fno-common/],
  ])('referring to %s is a problem of the program', (_, xdp, relocation, message) => {
    const spec = build(
      order,
      xdp,
      [EXIT, EXIT],
      [
        func('main', 1, 0, xdp.length),
        func('long', 3, 0, 2),
        { name: 'x', info: 0x11, section: 4 },
        { name: 'common', info: 0x11, section: 0xfff2 },
      ],
      [relocation],
    )
    const { problem } = spec.programs['main']!
    expect(problem?.code).toBe('ERR_RELOCATION')
    expect(problem?.message).toMatch(message)
    expect(problem?.message).toMatch(/^main: /)
    expect(() => linkProgram(spec, spec.programs['main']!)).toThrowError(/main cannot be linked/)
    expect(spec.functions['long']!.problem).toBeUndefined()
  })
})

describe('linking', () => {
  it('functions that call each other are placed once each, without recursion', () => {
    const depth = 5000
    const text = Array.from({ length: depth }, (_, i) => [callLocal(i + 1 < depth ? 1 : -2 * depth + 1), EXIT]).flat()
    const symbols = Array.from({ length: depth }, (_, i) => func(`f${i}`, 3, 2 * i, 2))
    const spec = build(
      'little',
      [callLocal(-1), EXIT],
      text,
      [func('main', 1, 0, 2), ...symbols],
      [{ slot: 0, type: 10, symbol: 2 }],
    )
    const linked = linkProgram(spec, spec.programs['main']!)
    expect(linked.functions).toHaveLength(depth + 1)
    expect(linked.insns).toHaveLength(2 * depth + 2)
    // The last one calls the first again.
    const last = linked.insns[2 * depth]!
    expect(last.kind === 'call' && 2 * depth + 1 + last.imm).toBe(2)
  })

  it('says what is missing when an edit took a function away', () => {
    const spec = build(
      'little',
      [callLocal(-1), EXIT],
      [EXIT],
      [func('main', 1, 0, 2), func('sub', 3, 0, 1)],
      [{ slot: 0, type: 10, symbol: 2 }],
    )
    delete spec.functions['sub']
    expect(() => linkProgram(spec, spec.programs['main']!)).toThrowError('main: insn 0: no function sub')
  })
})
