/** ELF files that clang wrote, in both byte orders, and hand-made ones that stretch the format. */
import { describe, expect, it } from 'vitest'
import { BPF_RELOCATION, ELF_MACHINE_BPF, parseElf, SECTION_TYPE } from '../../src/elf/index.ts'
import { AnybpfError, type ByteOrder, encodeUtf8, SeededRandom } from '../../src/util/index.ts'
import { makeElf } from '../support/elf-builder.ts'
import { mutate } from '../support/mutate.ts'
import { OBJECT_NAMES, ORDERS, readObject } from '../support/objects.ts'
import { runs, SEED } from '../support/runs.ts'

/** Symbol i has its name at byte i of these strings. */
function withSymbolNames(order: ByteOrder, count: number, strings: Uint8Array): Uint8Array {
  const symbols = new DataView(new ArrayBuffer(24 * count))
  for (let i = 0; i < count; i++) symbols.setUint32(24 * i, i, order === 'little')
  return makeElf(order, [
    { name: '.symtab', type: 2, data: new Uint8Array(symbols.buffer), link: 2 },
    { name: '.strtab', type: 3, data: strings },
  ])
}

describe.each(ORDERS)('a file of clang (%s)', (order) => {
  const elf = parseElf(readObject('calls', order))

  it('has the header of a relocatable BPF object', () => {
    expect(elf.header).toMatchObject({
      byteOrder: order === 'el' ? 'little' : 'big',
      type: 1,
      machine: ELF_MACHINE_BPF,
    })
  })

  it('has its sections by name, with their bytes', () => {
    const names = elf.sections.map((section) => section.name)
    for (const name of ['.text', 'tc', 'tc/helpers', '?fentry.s/do_unlinkat', '.bss', '.BTF']) {
      expect(names).toContain(name)
    }
    const bss = elf.section('.bss')!
    expect(bss).toMatchObject({ type: SECTION_TYPE.nobits, size: 4 })
    expect(elf.data(bss)).toHaveLength(0)
    expect(elf.data(elf.section('tc')!)).toHaveLength(24 * 8)
  })

  it('has its symbols', () => {
    const entry = elf.symbols.find((symbol) => symbol.name === 'entry')!
    expect(entry).toMatchObject({ type: 'func', binding: 'global', visibility: 'default', value: 0, size: 24 * 8 })
    expect(elf.sections[entry.section]!.name).toBe('tc')
    expect(elf.symbols.find((symbol) => symbol.name === 'leaf')).toMatchObject({ binding: 'local' })
  })

  it('has its relocations', () => {
    const relocations = elf.relocations(elf.section('tc')!)
    expect(relocations.map((one) => [one.offset / 8, one.type, one.addend])).toEqual([
      [2, BPF_RELOCATION.r64_32, undefined],
      [5, BPF_RELOCATION.r64_32, undefined],
      [8, BPF_RELOCATION.r64_32, undefined],
      [11, BPF_RELOCATION.r64_32, undefined],
      [14, BPF_RELOCATION.r64_64, undefined],
    ])
    expect(elf.relocations(elf.section('license') ?? elf.sections[0]!)).toEqual([])
  })
})

describe.each(['little', 'big'] as const)('a hand-made file (%s)', (order) => {
  const little = order === 'little'

  it('may count its sections in the first section header', () => {
    const elf = parseElf(
      makeElf(order, [{ name: 'a', type: 1, data: new Uint8Array(3) }], { countInFirstSection: true }),
    )
    expect(elf.sections.map((section) => section.name)).toEqual(['', 'a', '.shstrtab'])
  })

  it('may have RELA relocations, with signed addends', () => {
    const rela = new DataView(new ArrayBuffer(24))
    rela.setBigUint64(0, 16n, little)
    rela.setBigUint64(8, (1n << 32n) | 10n, little)
    rela.setBigInt64(16, -8n, little)
    const symbols = new DataView(new ArrayBuffer(48))
    symbols.setUint32(24, 1, little)
    symbols.setUint8(28, 0x12)
    symbols.setUint16(30, 1, little)
    symbols.setBigUint64(32, 8n, little)
    const elf = parseElf(
      makeElf(order, [
        { name: 'code', type: 1, data: new Uint8Array(32) },
        { name: '.relacode', type: 4, data: new Uint8Array(rela.buffer), link: 3, info: 1 },
        { name: '.symtab', type: 2, data: new Uint8Array(symbols.buffer), link: 4 },
        { name: '.strtab', type: 3, data: encodeUtf8('\0func\0') },
      ]),
    )
    expect(elf.relocations(elf.section('code')!)).toEqual([{ offset: 16, type: 10, symbol: 1, addend: -8 }])
    expect(elf.symbols[1]).toMatchObject({ name: 'func', type: 'func', binding: 'global', section: 1, value: 8 })
  })

  it('may have sections of the same name, and over the same bytes', () => {
    const elf = parseElf(
      makeElf(order, [
        { name: 'twin', type: 1, data: new Uint8Array([1]) },
        { name: 'twin', type: 1, data: new Uint8Array([2]) },
      ]),
    )
    expect(elf.sections.filter((section) => section.name === 'twin')).toHaveLength(2)
    expect(elf.data(elf.section('twin')!)).toEqual(new Uint8Array([1]))
  })

  it('refuses one long string that thousands of symbols share the tails of', () => {
    const strings = new Uint8Array(4001).fill(0x61)
    strings[4000] = 0
    expect(() => parseElf(withSymbolNames(order, 4000, strings)).symbols).toThrowError(/overlap/)
  })

  it('refuses a table without an end before every symbol has looked for it', { timeout: 10_000 }, () => {
    const strings = new Uint8Array(400_000).fill(0x61)
    expect(() => parseElf(withSymbolNames(order, 20_000, strings)).symbols).toThrowError(/overlap/)
  })

  it('takes a symbol without a readable name for one without a name, however many there are', () => {
    const { symbols } = parseElf(withSymbolNames(order, 200_000, new Uint8Array(1)))
    expect(symbols).toHaveLength(200_000)
    expect(symbols.every((symbol) => symbol.name === '')).toBe(true)
  })

  it('refuses names of more than 4096 characters', () => {
    const name = 'x'.repeat(4097)
    expect(() => parseElf(makeElf(order, [{ name, type: 1, data: new Uint8Array(1) }]))).toThrowError(
      'the name of ELF section 1 has more than 4096 characters',
    )
    const strings = new Uint8Array(4098).fill(0x61)
    strings[4097] = 0
    expect(() => parseElf(withSymbolNames(order, 1, strings)).symbols).toThrowError(
      'the name of ELF symbol 0 has more than 4096 characters',
    )
  })
})

describe('what is no usable ELF file', () => {
  const good = readObject('text', 'el')
  const changed = (at: number, ...values: number[]): Uint8Array => {
    const bytes = good.slice()
    bytes.set(values, at)
    return bytes
  }

  it.each<[string, Uint8Array, RegExp]>([
    ['no bytes', new Uint8Array(0), /not an ELF file/],
    ['text', encodeUtf8('#!/bin/sh\n'), /not an ELF file/],
    ['a header cut short', good.slice(0, 40), /header is cut short: 40 bytes/],
    ['a 32-bit file', changed(4, 1), /not a 64-bit ELF file/],
    ['an unknown byte order', changed(5, 3), /byte order 3/],
    ['section headers outside the file', changed(40, 0xff, 0xff, 0xff), /lies outside the data/],
    ['an absurd offset', changed(40, 0, 0, 0, 0, 0, 0, 0, 0xff), /absurd/],
    ['tiny section headers', changed(58, 8, 0), /header of 8 bytes is too small/],
    ['names in a section that does not exist', changed(62, 0xf0, 0), /which is no string table/],
  ])('%s', (_, bytes, message) => {
    const error = catchError(() => parseElf(bytes))
    expect(error).toBeInstanceOf(AnybpfError)
    expect((error as AnybpfError).code).toBe('ERR_ELF')
    expect((error as AnybpfError).message).toMatch(message)
  })
})

function catchError(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

describe('a mutated file', () => {
  const files = OBJECT_NAMES.flatMap((name) => ORDERS.map((order) => readObject(name, order)))

  it(`is walked to its end or refused by an error of ours (seed ${SEED})`, { timeout: 300_000 }, () => {
    const random = new SeededRandom(SEED)
    let walked = 0
    const count = runs(20_000)
    for (let i = 0; i < count; i++) {
      const bytes = mutate(random.pick(files), random)
      const error = catchError(() => {
        const elf = parseElf(bytes)
        for (const section of elf.sections) {
          elf.data(section)
          elf.relocations(section)
        }
        JSON.stringify([elf.header, elf.sections, elf.symbols])
        walked++
      })
      if (error !== undefined && !(error instanceof AnybpfError)) throw new Error(`run ${i}`, { cause: error })
    }
    // Both outcomes have to occur, or the mutations prove nothing.
    expect(walked).toBeGreaterThan(count / 20)
    expect(walked).toBeLessThan(count)
  })
})
