/**
 * A reader of ELF64 files of either byte order: header, sections, symbols, relocations. It knows nothing of BPF.
 *
 * Headers and section names are read at once; symbols and relocations when they are asked for. All offsets are checked
 * before use. Sections may overlap or repeat a name, as in real files.
 * @see https://gabi.xinuos.com/
 * @module
 */
import { AnybpfError, type ByteOrder, ByteReader, quoteName, StringTable } from '../util/index.ts'
import {
  ELF_CLASS_64,
  ELF_DATA_BIG,
  ELF_DATA_LITTLE,
  SECTION_EXTENDED,
  SECTION_FLAG,
  SECTION_TYPE,
  SYMBOL_BINDINGS,
  SYMBOL_TYPES,
  SYMBOL_VISIBILITIES,
  type SymbolBinding,
  type SymbolType,
  type SymbolVisibility,
} from './format.ts'

const HEADER_SIZE = 64
const SECTION_HEADER_SIZE = 64
const SYMBOL_SIZE = 24
const REL_SIZE = 16
const RELA_SIZE = 24
/** Linux takes symbols of up to 511 characters; C++ and Rust make some of a few thousand. */
const MAX_NAME_LENGTH = 4096

export interface ElfHeader {
  readonly byteOrder: ByteOrder
  /** `e_type`; 1 is relocatable. */
  readonly type: number
  /** `e_machine`; 247 is BPF. */
  readonly machine: number
  readonly flags: number
}

export interface ElfSection {
  readonly index: number
  readonly name: string
  /** `sh_type`, see `SECTION_TYPE`. */
  readonly type: number
  /** `sh_flags`, see `SECTION_FLAG`. */
  readonly flags: number
  readonly address: number
  readonly offset: number
  readonly size: number
  readonly link: number
  readonly info: number
  readonly alignment: number
  readonly entrySize: number
}

export interface ElfSymbol {
  readonly index: number
  /** `''` if it has none, or one that cannot be read. */
  readonly name: string
  readonly type: SymbolType
  readonly binding: SymbolBinding
  readonly visibility: SymbolVisibility
  /**
   * Index of its section, 0 if undefined; extended indexes are resolved, other reserved ones are as they are. A section
   * of this index need not exist.
   */
  readonly section: number
  /** In a relocatable file, the offset in the section; infinite if it is beyond 2^53. */
  readonly value: number
  readonly size: number
}

export interface ElfRelocation {
  /** In the section that is relocated. */
  readonly offset: number
  readonly type: number
  /** Index into `symbols`. */
  readonly symbol: number
  /** Of a RELA record; of a REL record it is in the place that is relocated. */
  readonly addend: number | undefined
}

export class ElfFile {
  readonly header: ElfHeader
  /** By index; the first is the null section. */
  readonly sections: readonly ElfSection[]
  private readonly reader: ByteReader
  private symbolTable: readonly ElfSymbol[] | undefined
  private readonly relocationTables = new Set<number>()
  private relocationBytes = 0
  private relocationSections: Map<number, ElfSection[]> | undefined

  constructor(header: ElfHeader, sections: readonly ElfSection[], reader: ByteReader) {
    this.header = header
    this.sections = sections
    this.reader = reader
  }

  /** Bytes of the whole file. */
  get length(): number {
    return this.reader.length
  }

  /** The first section of this name. */
  section(name: string): ElfSection | undefined {
    return this.sections.find((section) => section.name === name)
  }

  /** The bytes of a section, as a view into the file; none for a section without contents (`.bss`). */
  data(section: ElfSection): Uint8Array {
    if (section.type === SECTION_TYPE.nobits || section.type === SECTION_TYPE.null) return NO_BYTES
    if ((section.flags & SECTION_FLAG.compressed) !== 0) {
      throw new AnybpfError('ERR_UNSUPPORTED', `ELF section ${quoteName(section.name)} is compressed`)
    }
    return this.reader.slice(section.offset, section.size, `ELF section ${quoteName(section.name)}`)
  }

  /** All symbols of the first symbol table, by index; none if there is no such table. */
  get symbols(): readonly ElfSymbol[] {
    this.symbolTable ??= this.readSymbols()
    return this.symbolTable
  }

  /** Relocations that apply to a section, in the order of the file. */
  relocations(section: ElfSection): readonly ElfRelocation[] {
    if (this.relocationSections === undefined) {
      this.relocationSections = new Map()
      for (const candidate of this.sections) {
        if (candidate.type !== SECTION_TYPE.rel && candidate.type !== SECTION_TYPE.rela) continue
        const list = this.relocationSections.get(candidate.info)
        if (list === undefined) this.relocationSections.set(candidate.info, [candidate])
        else list.push(candidate)
      }
    }
    const found = this.relocationSections.get(section.index)
    return found === undefined ? [] : found.flatMap((table) => this.readRelocations(table))
  }

  private readSymbols(): readonly ElfSymbol[] {
    const table = this.sections.find((section) => section.type === SECTION_TYPE.symtab)
    if (table === undefined) return []
    const what = `ELF section ${quoteName(table.name)}`
    const data = this.data(table)
    if (data.length % SYMBOL_SIZE !== 0) throw new AnybpfError('ERR_ELF', `${what} is not a whole number of symbols`)
    const strings = this.strings(table.link, what)
    const extended = this.sections.find((s) => s.type === SECTION_TYPE.symtabShndx && s.link === table.index)
    const extendedReader = extended && new ByteReader(this.data(extended), this.header.byteOrder, 'ERR_ELF')
    const count = data.length / SYMBOL_SIZE
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
    const little = this.reader.little
    const symbols = new Array<ElfSymbol>(count)
    for (let index = 0, at = 0; index < count; index++, at += SYMBOL_SIZE) {
      const info = view.getUint8(at + 4)
      let section = view.getUint16(at + 6, little)
      if (section === SECTION_EXTENDED) {
        if (extendedReader === undefined) {
          throw new AnybpfError('ERR_ELF', `${what}: symbol ${index} needs the table of extended section indexes`)
        }
        section = extendedReader.u32(4 * index, `extended section index of symbol ${index}`)
      }
      symbols[index] = {
        index,
        // A symbol whose name cannot be read has none: it may be one that nobody needs.
        name: checkedName(strings.find(view.getUint32(at, little)) ?? '', 'symbol', index),
        type: SYMBOL_TYPES[info & 0xf] ?? 'other',
        binding: SYMBOL_BINDINGS[info >> 4] ?? 'other',
        visibility: SYMBOL_VISIBILITIES[view.getUint8(at + 5) & 3]!,
        section,
        value: readSize(view, at + 8, little),
        size: readSize(view, at + 16, little),
      }
    }
    return symbols
  }

  private readRelocations(table: ElfSection): readonly ElfRelocation[] {
    const what = `ELF section ${quoteName(table.name)}`
    const data = this.data(table)
    // Sections of a hostile file may all lie over the same bytes; those of a real one do not.
    if (!this.relocationTables.has(table.index)) {
      this.relocationTables.add(table.index)
      this.relocationBytes += data.length
    }
    if (this.relocationBytes > 2 * this.length) {
      throw new AnybpfError('ERR_LIMIT', `${what}: the relocations of this file are larger than the file`)
    }
    const rela = table.type === SECTION_TYPE.rela
    const size = rela ? RELA_SIZE : REL_SIZE
    if (data.length % size !== 0) throw new AnybpfError('ERR_ELF', `${what} is not a whole number of relocations`)
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
    const little = this.reader.little
    const count = data.length / size
    const relocations = new Array<ElfRelocation>(count)
    for (let i = 0, at = 0; i < count; i++, at += size) {
      // r_info is symbol << 32 | type, as one 64-bit number in the file's byte order.
      const symbol = view.getUint32(at + (little ? 12 : 8), little)
      const type = view.getUint32(at + (little ? 8 : 12), little)
      if (symbol >= this.symbols.length) {
        throw new AnybpfError('ERR_ELF', `${what}: relocation ${i} names symbol ${symbol}, which does not exist`)
      }
      relocations[i] = {
        offset: readSize(view, at, little),
        type,
        symbol,
        addend: rela ? Number(view.getBigInt64(at + 16, little)) : undefined,
      }
    }
    return relocations
  }

  private strings(index: number, user: string): StringTable {
    const section = this.sections[index]
    if (section === undefined || section.type !== SECTION_TYPE.strtab) {
      throw new AnybpfError('ERR_ELF', `${user} is linked to section ${index}, which is no string table`)
    }
    return new StringTable(this.data(section), 'ERR_ELF', `ELF section ${quoteName(section.name)}`)
  }
}

/** Reads an ELF64 file. Throws `ERR_ELF` if the bytes are not one, or are cut short. */
export function parseElf(bytes: Uint8Array): ElfFile {
  if (bytes.length < 4 || bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[2] !== 0x4c || bytes[3] !== 0x46) {
    throw new AnybpfError('ERR_ELF', 'not an ELF file: it does not start with 7f 45 4c 46')
  }
  if (bytes.length < HEADER_SIZE) throw new AnybpfError('ERR_ELF', `ELF header is cut short: ${bytes.length} bytes`)
  if (bytes[4] !== ELF_CLASS_64) throw new AnybpfError('ERR_ELF', 'not a 64-bit ELF file')
  if (bytes[5] !== ELF_DATA_LITTLE && bytes[5] !== ELF_DATA_BIG) {
    throw new AnybpfError('ERR_ELF', `ELF byte order ${bytes[5]} is neither little (1) nor big (2)`)
  }
  const byteOrder: ByteOrder = bytes[5] === ELF_DATA_LITTLE ? 'little' : 'big'
  const reader = new ByteReader(bytes, byteOrder, 'ERR_ELF')
  const header: ElfHeader = {
    byteOrder,
    type: reader.u16(16, 'ELF type'),
    machine: reader.u16(18, 'ELF machine'),
    flags: reader.u32(48, 'ELF flags'),
  }
  return new ElfFile(header, readSections(reader), reader)
}

function readSections(reader: ByteReader): readonly ElfSection[] {
  const start = reader.size64(40, 'offset of the ELF section headers')
  if (start === 0) return []
  const entrySize = reader.u16(58, 'size of an ELF section header')
  if (entrySize < SECTION_HEADER_SIZE) {
    throw new AnybpfError('ERR_ELF', `an ELF section header of ${entrySize} bytes is too small`)
  }
  let count = reader.u16(60, 'number of ELF sections')
  let namesIndex = reader.u16(62, 'index of the ELF section names')
  // More sections than the header's 16 bits can say are counted in the first section header.
  if (count === 0) count = reader.size64(start + 32, 'number of ELF sections')
  if (namesIndex === SECTION_EXTENDED) namesIndex = reader.u32(start + 40, 'index of the ELF section names')
  reader.slice(start, count * entrySize, 'table of ELF sections')

  const bare: Omit<ElfSection, 'name'>[] = []
  const nameOffsets: number[] = []
  for (let index = 0; index < count; index++) {
    const at = start + index * entrySize
    const what = `header of ELF section ${index}`
    nameOffsets.push(reader.u32(at, what))
    bare.push({
      index,
      type: reader.u32(at + 4, what),
      flags: Number(reader.u64(at + 8, what) & 0xffffffffn),
      address: Number(reader.u64(at + 16, what)),
      offset: reader.size64(at + 24, what),
      size: reader.size64(at + 32, what),
      link: reader.u32(at + 40, what),
      info: reader.u32(at + 44, what),
      alignment: Number(reader.u64(at + 48, what)),
      entrySize: Number(reader.u64(at + 56, what)),
    })
  }
  const names = bare[namesIndex]
  if (names === undefined || names.type !== SECTION_TYPE.strtab) {
    throw new AnybpfError(
      'ERR_ELF',
      `the ELF section names should be in section ${namesIndex}, which is no string table`,
    )
  }
  const table = new StringTable(
    reader.slice(names.offset, names.size, 'table of ELF section names'),
    'ERR_ELF',
    'table of ELF section names',
  )
  return bare.map((section, i) => ({ ...section, name: sectionName(table, nameOffsets[i]!, i) }))
}

/** What a section is, is told by its name alone: one that is no text means that the file is broken. */
function sectionName(table: StringTable, offset: number, index: number): string {
  const name = table.at(offset)
  if (name.includes('\ufffd')) throw new AnybpfError('ERR_ELF', `the name of ELF section ${index} is not UTF-8 text`)
  return checkedName(name, 'section', index)
}

const NO_BYTES = new Uint8Array(0)

/** A 64-bit value as a number; what is too large to be an offset in any file becomes infinite, and so fits nowhere. */
function readSize(view: DataView, at: number, little: boolean): number {
  const low = view.getUint32(at + (little ? 0 : 4), little)
  const high = view.getUint32(at + (little ? 4 : 0), little)
  return high >= 0x200000 ? Number.POSITIVE_INFINITY : high * 4294967296 + low
}

/** Names are repeated in messages and in names made of them: a file full of one long name must not fill the memory. */
function checkedName(name: string, what: string, index: number): string {
  if (name.length <= MAX_NAME_LENGTH) return name
  throw new AnybpfError('ERR_LIMIT', `the name of ELF ${what} ${index} has more than ${MAX_NAME_LENGTH} characters`)
}
