/** ELF files that are written: what was read of clang's is read again, and readelf has nothing to warn of. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  type ElfFile,
  emitElf,
  type NewElfFile,
  parseElf,
  SECTION_ABSOLUTE,
  SECTION_FLAG,
  SECTION_TYPE,
} from '../../src/elf/index.ts'
import { AnybpfError } from '../../src/util/index.ts'
import { withFiles } from '../support/linked.ts'
import { OBJECT_NAMES, ORDERS, readObject } from '../support/objects.ts'

const TABLES: readonly number[] = [SECTION_TYPE.rel, SECTION_TYPE.symtab, SECTION_TYPE.strtab, SECTION_TYPE.null]

/** What was read, to be written again: without tables, which the writer makes. */
function toWrite(elf: ElfFile): NewElfFile {
  const kept = elf.sections.filter(({ type }) => !TABLES.includes(type))
  const number = new Map(kept.map(({ index }, i) => [index, i + 1]))
  const sections = kept.map((section) => ({
    name: section.name,
    type: section.type,
    flags: section.flags,
    alignment: Math.max(1, section.alignment),
    entrySize: section.entrySize,
    size: section.size,
    data: elf.data(section),
    relocations: elf.relocations(section),
  }))
  const symbols = elf.symbols
    .slice(1)
    .map((symbol) => ({ ...symbol, section: number.get(symbol.section) ?? symbol.section }))
  return { byteOrder: elf.header.byteOrder, machine: elf.header.machine, flags: elf.header.flags, sections, symbols }
}

/** All that a reader sees, in words that do not depend on numbers. */
function contentOf(elf: ElfFile): unknown {
  const place = (section: number): string | number => elf.sections[section]?.name ?? section
  const named = elf.symbols.map(({ index: _, section, ...symbol }) => ({ ...symbol, section: place(section) }))
  return {
    header: elf.header,
    sections: elf.sections
      .filter(({ type }) => !TABLES.includes(type))
      .map((section) => ({
        ...section,
        index: 0,
        offset: 0,
        link: 0,
        info: 0,
        data: elf.data(section),
        relocations: elf.relocations(section).map(({ symbol, ...one }) => ({ ...one, symbol: named[symbol] })),
      })),
    symbols: named.map((symbol) => JSON.stringify(symbol)).sort(),
  }
}

const hasReadelf = spawnSync('readelf', ['--version']).status === 0

describe.each(ORDERS)('an object of clang (%s)', (order) => {
  it.each(OBJECT_NAMES)('%s says the same when it is written again', (name) => {
    const elf = parseElf(readObject(name, order))
    const written = emitElf(toWrite(elf))
    expect(contentOf(parseElf(written))).toEqual(contentOf(elf))
    // And what is written is written again to the same bytes.
    expect(emitElf(toWrite(parseElf(written)))).toEqual(written)
  })

  it.skipIf(!hasReadelf).each(OBJECT_NAMES)('%s is what readelf expects', (name) => {
    const bytes = emitElf(toWrite(parseElf(readObject(name, order))))
    const { stderr, stdout } = withFiles([{ name: 'written.o', bytes }], (folder) => {
      return spawnSync('readelf', ['-aW', join(folder, 'written.o')], { encoding: 'utf8' })
    })
    expect(stderr).toBe('')
    expect(stdout).toContain('Linux BPF')
  })
})

describe('the writer', () => {
  const code = { name: 'xdp', type: SECTION_TYPE.progbits, flags: SECTION_FLAG.alloc, data: new Uint8Array(16) }
  const symbol = { name: 'f', type: 'func', binding: 'global', section: 1, value: 0, size: 16 } as const

  it('puts local symbols first, and relocations keep theirs', () => {
    const bytes = emitElf({
      byteOrder: 'little',
      sections: [{ ...code, relocations: [{ offset: 0, type: 1, symbol: 1, addend: undefined }] }],
      symbols: [
        symbol,
        { ...symbol, name: 'l', binding: 'local' },
        { ...symbol, name: 'a.c', type: 'file', binding: 'local', section: SECTION_ABSOLUTE },
      ],
    })
    const elf = parseElf(bytes)
    expect(elf.symbols.map(({ name }) => name)).toEqual(['', 'l', 'a.c', 'f'])
    expect(elf.section('.symtab')!.info).toBe(3)
    expect(elf.relocations(elf.section('xdp')!)).toEqual([{ offset: 0, type: 1, symbol: 3, addend: undefined }])
  })

  it('writes addends as RELA', () => {
    const relocations = [{ offset: 8, type: 1, symbol: 1, addend: -8 }]
    for (const byteOrder of ['little', 'big'] as const) {
      const elf = parseElf(emitElf({ byteOrder, sections: [{ ...code, relocations }], symbols: [symbol] }))
      expect(elf.relocations(elf.section('xdp')!)).toEqual(relocations)
      expect(elf.section('.relaxdp')).toMatchObject({ type: SECTION_TYPE.rela, info: 1 })
    }
  })

  it('puts sections at their alignment, and gives .bss no bytes', () => {
    const elf = parseElf(
      emitElf({
        byteOrder: 'big',
        sections: [
          { ...code, data: new Uint8Array(3) },
          { name: '.bss', type: SECTION_TYPE.nobits, alignment: 4096, size: 2 ** 40 },
          { ...code, name: 'b', alignment: 256 },
        ],
        symbols: [],
      }),
    )
    expect(elf.section('b')!.offset % 256).toBe(0)
    expect(elf.section('.bss')).toMatchObject({ size: 2 ** 40, alignment: 4096 })
    expect(elf.length).toBeLessThan(8192)
  })

  const wrong: readonly (readonly [string, Partial<NewElfFile>])[] = [
    ['a symbol in a section that is not there', { symbols: [{ ...symbol, section: 2 }] }],
    ['a symbol of an unknown kind', { symbols: [{ ...symbol, type: 'other' }] }],
    ['a symbol at no place', { symbols: [{ ...symbol, value: -1 }] }],
    ['a name with a NUL', { symbols: [{ ...symbol, name: 'a\0b' }] }],
    [
      'a relocation for a symbol that is not there',
      { sections: [{ ...code, relocations: [{ offset: 0, type: 1, symbol: 2, addend: undefined }] }] },
    ],
    [
      'some addends',
      {
        sections: [
          {
            ...code,
            relocations: [
              { offset: 0, type: 1, symbol: 1, addend: 1 },
              { offset: 8, type: 1, symbol: 1, addend: undefined },
            ],
          },
        ],
      },
    ],
    ['an alignment of three', { sections: [{ ...code, alignment: 3 }] }],
    ['a size of half a byte', { sections: [{ name: '.bss', type: SECTION_TYPE.nobits, size: 0.5 }] }],
    ['too many sections', { sections: Array.from({ length: 65_280 }, () => ({ ...code, data: new Uint8Array(0) })) }],
  ]

  it.each(wrong)('refuses %s', (_, parts) => {
    const write = (): unknown => emitElf({ byteOrder: 'little', sections: [code], symbols: [symbol], ...parts })
    expect(write).toThrowError(AnybpfError)
    expect(write).toThrowError(expect.objectContaining({ code: 'ERR_ELF' }))
  })
})
