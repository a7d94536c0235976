/**
 * What all parts of the object parser read from: the ELF file with its symbols by section, the BTF, and a place to put
 * what is wrong without giving up the rest.
 * @module
 */
import { type Btf, type BtfExt, type BtfSectionVariable, parseBtf, parseBtfExt } from '../btf/index.ts'
import { type ElfFile, type ElfRelocation, type ElfSection, type ElfSymbol, SECTION_TYPE } from '../elf/index.ts'
import { AnybpfError, decodeUtf8, quoteName } from '../util/index.ts'
import { type CodeRecords, readCodeRecords } from './code-records.ts'

/** Bytes of all data sections of one object together. */
export const MAX_DATA_BYTES = 64 * 1024 * 1024
/** Slots of all functions of one object together. */
export const MAX_CODE_SLOTS = 4 * 1024 * 1024

/** An error takes a kilobyte and more; who reads past a thousand of them? */
const MAX_PROBLEMS = 10_000

export type SectionVariables = ReadonlyMap<string, BtfSectionVariable>

export class ObjectFile {
  readonly elf: ElfFile
  readonly btf: Btf | undefined
  readonly btfExt: BtfExt | undefined
  readonly problems: AnybpfError[] = []
  private readonly symbols = new Map<number, ElfSymbol[]>()
  private readonly relocationsOf = new Map<number, readonly ElfRelocation[] | 'unreadable'>()
  private readonly codeRecordsOf = new Map<string, CodeRecords>()
  private readonly variablesOf = new Map<string, Map<string, BtfSectionVariable>>()
  private problemCount = 0
  private dataBudget = MAX_DATA_BYTES
  private readBudget: number

  constructor(elf: ElfFile) {
    this.elf = elf
    this.readBudget = 4 * elf.length + 65_536
    for (const symbol of elf.symbols) {
      const list = this.symbols.get(symbol.section)
      if (list === undefined) this.symbols.set(symbol.section, [symbol])
      else list.push(symbol)
    }
    const btfSection = elf.section('.BTF')
    this.btf = btfSection && this.attempt(() => parseBtf(elf.data(btfSection)))
    const extSection = elf.section('.BTF.ext')
    const { btf } = this
    this.btfExt = extSection && btf && this.attempt(() => parseBtfExt(elf.data(extSection), btf))
  }

  /** What `.BTF.ext` says of the code of all sections of this name. */
  codeRecords(section: string): CodeRecords {
    let records = this.codeRecordsOf.get(section)
    if (records === undefined) {
      records = readCodeRecords(this.btfExt, section)
      this.codeRecordsOf.set(section, records)
    }
    return records
  }

  /** What BTF says of the variables of all sections of this name, by name of the variable. */
  sectionVariables(section: string): SectionVariables {
    let variables = this.variablesOf.get(section)
    if (variables === undefined) {
      variables = new Map()
      for (const variable of this.btf?.find(section, 'datasec')?.variables ?? []) {
        const { name } = this.btf!.type(variable.type)
        if (name !== '') variables.set(name, variable)
      }
      this.variablesOf.set(section, variables)
    }
    return variables
  }

  /** Symbols defined in a section, in the order of the file. */
  symbolsIn(section: ElfSection): readonly ElfSymbol[] {
    return this.symbols.get(section.index) ?? []
  }

  /** The bytes of a section that has contents. Sections that lie over each other many times are refused. */
  data(section: ElfSection): Uint8Array {
    const data = this.elf.data(section)
    this.readBudget -= data.length
    if (this.readBudget < 0) {
      throw new AnybpfError('ERR_LIMIT', `the sections of this object are several times larger than its file`)
    }
    return data
  }

  /** A copy of the bytes of a data section; zeros for one without contents. */
  copyOfData(section: ElfSection): Uint8Array {
    if (section.type === SECTION_TYPE.nobits) return this.zeros(section.size, section.name)
    this.reserve(section.size, section.name)
    return this.data(section).slice()
  }

  /** `size` zero bytes, for a section of this name. */
  zeros(size: number, section: string): Uint8Array {
    this.reserve(size, section)
    return new Uint8Array(size)
  }

  /** Counts bytes of data that are copied out of a section of this name. */
  reserve(size: number, section: string): void {
    this.dataBudget -= size
    if (!(this.dataBudget >= 0)) {
      throw new AnybpfError(
        'ERR_LIMIT',
        `section ${quoteName(section)} brings the object's data above ${MAX_DATA_BYTES} bytes`,
      )
    }
  }

  /** The relocations of a section, read once. Where they cannot be read, that is a problem of the object. */
  relocations(section: ElfSection): readonly ElfRelocation[] {
    let known = this.relocationsOf.get(section.index)
    if (known === undefined) {
      known = this.attempt(() => this.elf.relocations(section)) ?? 'unreadable'
      this.relocationsOf.set(section.index, known)
    }
    return known === 'unreadable' ? [] : known
  }

  /** As {@link relocations}, for whom nothing will do: throws if they cannot be read. */
  neededRelocations(section: ElfSection): readonly ElfRelocation[] {
    const read = this.relocations(section)
    if (this.relocationsOf.get(section.index) !== 'unreadable') return read
    throw new AnybpfError('ERR_RELOCATION', `the relocations of section ${quoteName(section.name)} cannot be read`)
  }

  /** Text up to the first NUL, or to the end of the section. */
  text(section: ElfSection): string {
    const data = this.data(section)
    const end = data.indexOf(0)
    return decodeUtf8(end < 0 ? data : data.subarray(0, end))
  }

  /** Runs `read`; an error of ours becomes one of the object's problems. */
  attempt<T>(read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof AnybpfError) || error.code === 'ERR_LIMIT') throw error
      this.countProblem()
      this.problems.push(error)
      return undefined
    }
  }

  /** `error`, as what is wrong with one function. */
  functionProblem(name: string, error: unknown): AnybpfError {
    if (!(error instanceof AnybpfError)) throw error
    this.countProblem()
    return new AnybpfError(error.code, `${name}: ${error.message}`, { cause: error })
  }

  private countProblem(): void {
    if (++this.problemCount > MAX_PROBLEMS) {
      throw new AnybpfError('ERR_LIMIT', `more than ${MAX_PROBLEMS} things are wrong with this object`)
    }
  }
}

/** A record whose keys are names from a file. */
export function emptyRecord<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>
}

/** Gives out names that are unique in their object. */
export class NameSpace {
  private readonly taken = new Set<string>()
  private readonly copies = new Map<string, number>()
  /** Characters of names that were made here. */
  private room = 64 * 1024 * 1024

  /** `wanted`, or if that is taken, one made of it and its section. */
  claim(wanted: string, section: string): string {
    let name = wanted
    if (this.taken.has(name)) name = this.made(`${section}/${wanted}`)
    const qualified = name
    while (this.taken.has(name)) {
      const copy = (this.copies.get(qualified) ?? 1) + 1
      this.copies.set(qualified, copy)
      name = this.made(`${qualified}#${copy}`)
    }
    this.taken.add(name)
    return name
  }

  private made(name: string): string {
    this.room -= name.length
    if (this.room < 0) throw new AnybpfError('ERR_LIMIT', 'too many parts of this object have the same long name')
    return name
  }
}
