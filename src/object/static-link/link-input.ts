/**
 * One of the files that are linked: read, and refused where the linker could not do right by it.
 * @module
 */
import { type Btf, type BtfExt, type BtfTypeId, parseBtf, parseBtfExt } from '../../btf/index.ts'
import {
  ELF_MACHINE_BPF,
  ELF_MACHINE_NONE,
  ELF_TYPE_RELOCATABLE,
  type ElfFile,
  type ElfSection,
  type ElfSymbol,
  parseElf,
  SECTION_FLAG,
  SECTION_TYPE,
} from '../../elf/index.ts'
import { AnybpfError, quoteName } from '../../util/index.ts'
import { DefinitionReader } from '../btf-maps.ts'
import type { MapSpec } from '../spec.ts'

/** A file to link. */
export interface LinkInput {
  /** What messages call it: its path. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** What BTF says of a symbol that other files may see. */
export interface SymbolType {
  /** A `var` or `func`. */
  readonly id: BtfTypeId
  /** Name of the DATASEC that has it; undefined if none does. */
  readonly section: string | undefined
}

/** Real sections are aligned to 8 bytes, arenas' to a page; an absurd alignment would make an absurd file. */
const MAX_ALIGNMENT = 65_536
const SLOT_BYTES = 8

export class InputFile {
  readonly name: string
  /** Among the files that are linked. */
  readonly position: number
  readonly elf: ElfFile
  readonly btf: Btf | undefined
  readonly ext: BtfExt | undefined
  /** Sections that the result will have, in the order of the file. */
  readonly sections: readonly ElfSection[]
  /** The first section of each name, of those. */
  readonly sectionsByName: ReadonlyMap<string, ElfSection>
  /** Types of symbols that are not static, by name. */
  readonly types: ReadonlyMap<string, SymbolType>
  /** Bytes of the variables that are in a DATASEC, by the number of the `var`. */
  readonly variableSizes: ReadonlyMap<BtfTypeId, number>
  private readonly maps: DefinitionReader | undefined
  private readBudget: number

  /** Throws `ERR_ELF`, `ERR_BTF`, `ERR_OBJECT` or `ERR_UNSUPPORTED`, with the name of the file in front. */
  constructor({ name, bytes }: LinkInput, position: number) {
    this.name = name
    this.position = position
    this.readBudget = 4 * bytes.length + 65_536
    try {
      this.elf = parseElf(bytes)
      checkHeader(this.elf)
      this.sections = this.elf.sections.filter(isLinked)
      for (const section of this.sections) checkSection(section)
      this.sectionsByName = new Map([...this.sections].reverse().map((section) => [section.name, section]))
      const btf = this.elf.section('.BTF')
      this.btf = btf && parseBtf(this.elf.data(btf))
      if (this.btf !== undefined && this.btf.byteOrder !== this.elf.header.byteOrder) {
        throw new AnybpfError('ERR_BTF', 'the byte order of .BTF is not that of the file')
      }
      const ext = this.elf.section('.BTF.ext')
      if (ext !== undefined && this.btf === undefined) {
        throw new AnybpfError('ERR_OBJECT', 'there is a section .BTF.ext, and no .BTF that it refers to')
      }
      this.ext = ext && parseBtfExt(this.elf.data(ext), this.btf!)
      this.maps = this.btf && new DefinitionReader(this.btf, '.maps')
      const variableSizes = new Map<BtfTypeId, number>()
      this.variableSizes = variableSizes
      this.types = this.btf === undefined ? new Map() : typesOfSymbols(this.btf, variableSizes)
      for (const symbol of this.elf.symbols) checkSymbol(symbol, this.elf)
    } catch (error) {
      throw this.problem(error)
    }
  }

  /** The bytes of a section. Sections that lie over each other many times are refused. */
  data(section: ElfSection): Uint8Array {
    return this.guard(() => {
      const data = this.elf.data(section)
      this.readBudget -= data.length
      if (this.readBudget < 0) {
        throw new AnybpfError('ERR_LIMIT', 'its sections are several times larger than the file')
      }
      return data
    })
  }

  /** The map that a `var` defines. Throws `ERR_OBJECT` if it defines none. */
  mapDefinition(variable: BtfTypeId): MapSpec {
    return this.maps!.read(this.btf!.nameOf(variable), variable, 0).spec
  }

  /** Runs `read`; an error gets the name of this file in front. */
  guard<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      throw this.problem(error)
    }
  }

  /** Where a symbol is, for messages: `a.o (a.c:12)`, or `a.o (section .data, byte 8)`. */
  placeOf(symbol: ElfSymbol): string {
    const section = this.elf.sections[symbol.section]
    if (section === undefined || symbol.section === 0) return this.name
    const line = this.ext?.lines.get(section.name)?.find(({ offset }) => offset === symbol.value)
    if (line === undefined) return `${this.name} (section ${section.name}, byte ${symbol.value})`
    return `${this.name} (${line.file.slice(line.file.lastIndexOf('/') + 1)}:${line.line})`
  }

  private problem(error: unknown): unknown {
    if (!(error instanceof AnybpfError)) return error
    const details = { ...error.details, input: this.name }
    return new AnybpfError(error.code, `${this.name}: ${error.message}`, { cause: error, details })
  }
}

export function isCodeSection(section: ElfSection): boolean {
  return section.type === SECTION_TYPE.progbits && (section.flags & SECTION_FLAG.execute) !== 0
}

/** A file says its licence and the kernel's version once, however many it was made of. */
export function isSaidOnce(section: ElfSection): boolean {
  return section.name === 'license' || section.name === 'version'
}

function checkHeader({ header: { machine, type } }: ElfFile): void {
  if (machine !== ELF_MACHINE_BPF && machine !== ELF_MACHINE_NONE) {
    throw new AnybpfError('ERR_OBJECT', `not a BPF object: the ELF file is for machine ${machine}, and BPF is 247`)
  }
  if (type !== ELF_TYPE_RELOCATABLE) {
    throw new AnybpfError('ERR_OBJECT', `not a relocatable object: the type of the ELF file is ${type}, not 1`)
  }
}

/** Tables are made anew, and nothing that loads BPF reads DWARF. */
function isLinked(section: ElfSection): boolean {
  const { type, name } = section
  switch (type) {
    case SECTION_TYPE.null:
    case SECTION_TYPE.symtab:
    case SECTION_TYPE.symtabShndx:
    case SECTION_TYPE.strtab:
    case SECTION_TYPE.rel:
    case SECTION_TYPE.rela:
    case SECTION_TYPE.llvmAddrsig:
      return false
    default:
      return !name.startsWith('.debug_') && name !== '.BTF' && name !== '.BTF.ext' && !isEmptyText(section)
  }
}

/** Compilers write an empty `.text` where every function has a section of its own. */
function isEmptyText({ name, size }: ElfSection): boolean {
  return name === '.text' && size === 0
}

function checkSection(section: ElfSection): void {
  const { name, type, alignment, size } = section
  const what = `section ${quoteName(name)}`
  if (name === '') throw new AnybpfError('ERR_ELF', `section ${section.index} has no name`)
  if (type !== SECTION_TYPE.progbits && type !== SECTION_TYPE.nobits) {
    throw new AnybpfError('ERR_UNSUPPORTED', `${what} is of type ${type}, which is not known to the linker`)
  }
  if (alignment !== 0 && !(alignment <= MAX_ALIGNMENT && Number.isInteger(Math.log2(alignment)))) {
    throw new AnybpfError('ERR_ELF', `${what} is aligned to ${alignment}, no power of two up to ${MAX_ALIGNMENT}`)
  }
  if (isCodeSection(section) && size % SLOT_BYTES !== 0) {
    throw new AnybpfError('ERR_ELF', `${what} has ${size} bytes, not a whole number of instructions`)
  }
}

function checkSymbol(symbol: ElfSymbol, elf: ElfFile): void {
  const { index, name, binding, type, visibility } = symbol
  if (index === 0) return
  const what = name === '' ? `symbol ${index}` : `symbol ${quoteName(name)}`
  if (binding === 'other' || type === 'other') {
    throw new AnybpfError('ERR_UNSUPPORTED', `${what} has a type or binding that is not known to the linker`)
  }
  if (visibility === 'internal' || visibility === 'protected') {
    throw new AnybpfError('ERR_UNSUPPORTED', `${what} is ${visibility}: only hidden and default symbols are linked`)
  }
  if (symbol.section < 0xff00 && elf.sections[symbol.section] === undefined) {
    throw new AnybpfError('ERR_ELF', `${what} is in section ${symbol.section}, which does not exist`)
  }
  if (binding !== 'local' && name === '') throw new AnybpfError('ERR_ELF', `${what} is global and has no name`)
  if (!Number.isSafeInteger(symbol.value) || !Number.isSafeInteger(symbol.size)) {
    throw new AnybpfError('ERR_ELF', `the place of ${what} is absurd`)
  }
}

/** Variables and functions that are not static; one in a DATASEC before one of the same name that is in none. */
function typesOfSymbols(btf: Btf, sizes: Map<BtfTypeId, number>): Map<string, SymbolType> {
  const types = new Map<string, SymbolType>()
  for (let id = 1; id < btf.length; id++) {
    const kind = btf.kindOf(id)
    if (kind !== 'var' && kind !== 'func') continue
    const type = btf.type(id)
    if (isShared(type) && type.name !== '' && !types.has(type.name)) types.set(type.name, { id, section: undefined })
  }
  for (let id = 1; id < btf.length; id++) {
    if (btf.kindOf(id) !== 'datasec') continue
    const section = btf.type(id)
    if (section.kind !== 'datasec') continue
    for (const variable of section.variables) {
      sizes.set(variable.type, variable.size)
      const type = btf.type(variable.type)
      if (!isShared(type) || type.name === '') continue
      if (types.get(type.name)?.section === undefined) {
        types.set(type.name, { id: variable.type, section: section.name })
      }
    }
  }
  return types
}

function isShared(type: ReturnType<Btf['type']>): boolean {
  return (type.kind === 'var' || type.kind === 'func') && type.linkage !== 'static'
}
