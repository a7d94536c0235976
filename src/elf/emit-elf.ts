/**
 * Writes relocatable ELF64 files of either byte order: sections, symbols, relocations. It knows nothing of BPF but the
 * number of the machine.
 *
 * The order is that of compilers: the header, the sections' contents, tables of relocations, symbols and strings, and the
 * section headers at the end. Local symbols come first in the table, as the specification demands, whatever the order
 * they are given in.
 * @see https://gabi.xinuos.com/
 * @module
 */
import { AnybpfError, type ByteOrder, concatBytes, encodeUtf8, quoteName } from '../util/index.ts'
import type { ElfRelocation } from './elf.ts'
import {
  ELF_CLASS_64,
  ELF_DATA_BIG,
  ELF_DATA_LITTLE,
  ELF_MACHINE_BPF,
  ELF_TYPE_RELOCATABLE,
  SECTION_FLAG,
  SECTION_RESERVED,
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
/** What is written is in memory as a whole. */
const MAX_FILE_BYTES = 1024 * 1024 * 1024

export interface NewElfSection {
  readonly name: string
  /** `sh_type`, see `SECTION_TYPE`. */
  readonly type: number
  /** `sh_flags`, see `SECTION_FLAG`. */
  readonly flags?: number
  /** A power of two; 1 by default. */
  readonly alignment?: number
  /** Bytes of an entry, of a section that is a table. */
  readonly entrySize?: number
  readonly data?: Uint8Array
  /** Of a section without contents (`.bss`): bytes that it will have. */
  readonly size?: number
  /** What has to be filled in here; each `symbol` is a number as in {@link NewElfFile.symbols}. */
  readonly relocations?: readonly ElfRelocation[]
}

export interface NewElfSymbol {
  readonly name: string
  readonly type: SymbolType
  readonly binding: SymbolBinding
  readonly visibility?: SymbolVisibility
  /** Number of its section, from 1; 0 if it is undefined; or one of the reserved numbers. */
  readonly section: number
  /** Offset in the section. */
  readonly value: number
  readonly size: number
}

export interface NewElfFile {
  readonly byteOrder: ByteOrder
  /** BPF by default. */
  readonly machine?: number
  /** `e_flags`. */
  readonly flags?: number
  /** Numbered from 1, in the order in which they will be in the file. */
  readonly sections: readonly NewElfSection[]
  /** Numbered from 1. */
  readonly symbols: readonly NewElfSymbol[]
}

/** The bytes of a relocatable file. Throws `ERR_ELF` for what the format has no room for. */
export function emitElf(file: NewElfFile): Uint8Array {
  const { byteOrder, sections } = file
  const little = byteOrder === 'little'
  const strings = new Strings()
  const { table, numbers, localCount } = symbolTable(file, strings, little)
  const all: Section[] = sections.map((section) => ({ ...withDefaults(section), link: 0, info: 0 }))
  const tables = sections.filter((section) => (section.relocations ?? []).length > 0).length
  const symtab = sections.length + tables + 1
  sections.forEach(({ name, relocations = [] }, i) => {
    if (relocations.length === 0) return
    const rela = relocations.some((relocation) => relocation.addend !== undefined)
    all.push({
      name: `${rela ? '.rela' : '.rel'}${name}`,
      type: rela ? SECTION_TYPE.rela : SECTION_TYPE.rel,
      flags: SECTION_FLAG.infoLink,
      alignment: 8,
      entrySize: rela ? RELA_SIZE : REL_SIZE,
      data: relocationTable(name, relocations, numbers, rela, little),
      size: 0,
      link: symtab,
      info: i + 1,
    })
  })
  all.push({
    name: '.symtab',
    type: SECTION_TYPE.symtab,
    flags: 0,
    alignment: 8,
    entrySize: SYMBOL_SIZE,
    data: table,
    size: 0,
    link: symtab + 1,
    info: localCount,
  })
  const names = [...all.map(({ name }) => strings.add(name)), strings.add('.strtab')]
  all.push({
    name: '.strtab',
    type: SECTION_TYPE.strtab,
    flags: 0,
    alignment: 1,
    entrySize: 0,
    data: strings.bytes(),
    size: 0,
    link: 0,
    info: 0,
  })
  // More than the header's 16 bits can count would need extended numbers, which libbpf does not read.
  if (all.length + 1 >= SECTION_RESERVED) throw new AnybpfError('ERR_ELF', `${all.length} sections are too many`)
  return assemble(file, all, names, little)
}

type Section = Required<Omit<NewElfSection, 'relocations'>> & { readonly link: number; readonly info: number }

const NO_BYTES = new Uint8Array(0)

function withDefaults(section: NewElfSection): Required<Omit<NewElfSection, 'relocations'>> {
  const { name, type, flags = 0, alignment = 1, entrySize = 0, data = NO_BYTES, size = 0 } = section
  if (!(alignment >= 1 && alignment <= 0x80000000 && Number.isInteger(Math.log2(alignment)))) {
    throw new AnybpfError('ERR_ELF', `ELF section ${quoteName(name)}: alignment ${alignment} is no power of two`)
  }
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new AnybpfError('ERR_ELF', `ELF section ${quoteName(name)}: ${size} bytes are not possible`)
  }
  return { name, type, flags, alignment, entrySize, data, size }
}

interface SymbolTable {
  readonly table: Uint8Array
  /** The number in the file, by the number given. */
  readonly numbers: Uint32Array
  /** Symbols before the first that is not local; the null symbol is one of them. */
  readonly localCount: number
}

/* Elf64_Sym: name u32 | binding:4 type:4 | visibility | section u16 | value u64 | size u64 */
function symbolTable({ symbols, sections }: NewElfFile, strings: Strings, little: boolean): SymbolTable {
  const numbers = new Uint32Array(symbols.length + 1)
  const table = new Uint8Array(SYMBOL_SIZE * (symbols.length + 1))
  const view = new DataView(table.buffer)
  let next = 1
  let localCount = 1
  for (const local of [true, false]) {
    symbols.forEach((symbol, i) => {
      const { name, type, binding, visibility = 'default', section, value, size } = symbol
      if ((binding === 'local') !== local) return
      const what = `ELF symbol ${quoteName(name)}`
      const typeNumber = SYMBOL_TYPES.indexOf(type as (typeof SYMBOL_TYPES)[number])
      const bindingNumber = SYMBOL_BINDINGS.indexOf(binding as (typeof SYMBOL_BINDINGS)[number])
      if (typeNumber < 0 || bindingNumber < 0) throw new AnybpfError('ERR_ELF', `${what} is ${binding} and ${type}`)
      if (!(section >= 0 && section <= 0xffff && (section <= sections.length || section >= SECTION_RESERVED))) {
        throw new AnybpfError('ERR_ELF', `${what} is in section ${section}, which does not exist`)
      }
      const at = SYMBOL_SIZE * next
      view.setUint32(at, strings.add(name), little)
      view.setUint8(at + 4, (bindingNumber << 4) | typeNumber)
      view.setUint8(at + 5, SYMBOL_VISIBILITIES.indexOf(visibility))
      view.setUint16(at + 6, section, little)
      setSize(view, at + 8, value, what, little)
      setSize(view, at + 16, size, what, little)
      numbers[i + 1] = next++
    })
    if (local) localCount = next
  }
  return { table, numbers, localCount }
}

/* Elf64_Rel: offset u64 | symbol u32, type u32 as one u64; Elf64_Rela: and addend i64 */
function relocationTable(
  section: string,
  relocations: readonly ElfRelocation[],
  numbers: Uint32Array,
  rela: boolean,
  little: boolean,
): Uint8Array {
  const what = `a relocation of ELF section ${quoteName(section)}`
  const entry = rela ? RELA_SIZE : REL_SIZE
  const bytes = new Uint8Array(entry * relocations.length)
  const view = new DataView(bytes.buffer)
  relocations.forEach(({ offset, type, symbol, addend }, i) => {
    const at = entry * i
    const number = symbol === 0 ? 0 : numbers[symbol]
    if (number === undefined) throw new AnybpfError('ERR_ELF', `${what} names symbol ${symbol}, which does not exist`)
    if (rela && addend === undefined) throw new AnybpfError('ERR_ELF', `${what} has no addend, and others have one`)
    setSize(view, at, offset, what, little)
    view.setUint32(at + (little ? 12 : 8), number, little)
    view.setUint32(at + (little ? 8 : 12), type, little)
    if (addend !== undefined) view.setBigInt64(at + 16, BigInt(addend), little)
  })
  return bytes
}

function assemble(file: NewElfFile, sections: readonly Section[], names: readonly number[], little: boolean) {
  let end = HEADER_SIZE
  const starts = sections.map((section) => {
    const start = alignUp(end, section.alignment)
    end = start + (section.type === SECTION_TYPE.nobits ? 0 : section.data.length)
    return start
  })
  const headers = alignUp(end, 8)
  const length = headers + SECTION_HEADER_SIZE * (sections.length + 1)
  if (length > MAX_FILE_BYTES) throw new AnybpfError('ERR_LIMIT', `an ELF file of ${length} bytes is too large`)
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, ELF_CLASS_64, little ? ELF_DATA_LITTLE : ELF_DATA_BIG, 1])
  view.setUint16(16, ELF_TYPE_RELOCATABLE, little)
  view.setUint16(18, file.machine ?? ELF_MACHINE_BPF, little)
  view.setUint32(20, 1, little)
  setSize(view, 40, headers, 'ELF section headers', little)
  view.setUint32(48, file.flags ?? 0, little)
  view.setUint16(52, HEADER_SIZE, little)
  view.setUint16(58, SECTION_HEADER_SIZE, little)
  view.setUint16(60, sections.length + 1, little)
  view.setUint16(62, sections.length, little)
  sections.forEach((section, i) => {
    const at = headers + SECTION_HEADER_SIZE * (i + 1)
    const what = `ELF section ${quoteName(section.name)}`
    const bits = section.type === SECTION_TYPE.nobits
    if (!bits) bytes.set(section.data, starts[i]!)
    view.setUint32(at, names[i]!, little)
    view.setUint32(at + 4, section.type, little)
    setSize(view, at + 8, section.flags, what, little)
    setSize(view, at + 24, starts[i]!, what, little)
    setSize(view, at + 32, bits ? section.size : section.data.length, what, little)
    view.setUint32(at + 40, section.link, little)
    view.setUint32(at + 44, section.info, little)
    setSize(view, at + 48, section.alignment, what, little)
    setSize(view, at + 56, section.entrySize, what, little)
  })
  return bytes
}

function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment
}

/** A number as 64 bits. */
function setSize(view: DataView, at: number, value: number, what: string, little: boolean): void {
  if (!(Number.isSafeInteger(value) && value >= 0)) throw new AnybpfError('ERR_ELF', `${what}: ${value} is no offset`)
  view.setUint32(at + (little ? 0 : 4), value >>> 0, little)
  view.setUint32(at + (little ? 4 : 0), Math.floor(value / 4294967296), little)
}

/** A string table under construction: each string once. */
class Strings {
  private readonly offsets = new Map<string, number>([['', 0]])
  private readonly parts: Uint8Array[] = [new Uint8Array(1)]
  private length = 1

  add(text: string): number {
    const known = this.offsets.get(text)
    if (known !== undefined) return known
    if (text.includes('\0')) throw new AnybpfError('ERR_ELF', `an ELF name cannot have a NUL: ${quoteName(text)}`)
    const bytes = encodeUtf8(`${text}\0`)
    const at = this.length
    this.parts.push(bytes)
    this.length += bytes.length
    this.offsets.set(text, at)
    return at
  }

  bytes(): Uint8Array {
    return concatBytes(this.parts)
  }
}
