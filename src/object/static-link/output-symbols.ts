/**
 * The symbols of the result: which definition each name stands for.
 *
 * A strong definition goes before weak ones, and of weak ones the first counts. What loses stays where it is, without a
 * name. A name is hidden if any file has it hidden, and weak only if all have it weak.
 * @module
 */
import {
  type ElfSymbol,
  type NewElfSymbol,
  SECTION_COMMON,
  SECTION_RESERVED,
  SECTION_UNDEFINED,
} from '../../elf/index.ts'
import { AnybpfError, quoteName } from '../../util/index.ts'
import type { InputFile, SymbolType } from './link-input.ts'
import { linkError, type OutputSection, type OutputSections, type SectionPart } from './output-sections.ts'
import { TypeComparer } from './same-type.ts'

const MAPS_SECTION = '.maps'
const JUMP_TABLES = '.jumptables'
/** Where newer compilers put externs that have no section: as if they were in none. */
export const EXTERN_SECTION = '.extern'

/** A symbol that is not local, in one of the files. */
export interface Occurrence {
  readonly file: InputFile
  readonly symbol: ElfSymbol
  readonly type: SymbolType | undefined
  /** Where it is defined; undefined for a declaration. */
  readonly part: SectionPart | undefined
  readonly defined: boolean
}

/** A name that files share. */
export class SharedSymbol {
  readonly name: string
  /** In the result, from 1. */
  readonly number: number
  /** The first in each file. */
  readonly occurrences: Occurrence[] = []
  strong = false
  hidden = false
  /** What the name stands for, if any file defines it. */
  definition: Occurrence | undefined
  /** Where a declaration says that it is to be found: `.kconfig`, `.ksyms`, `.maps`. */
  declaredIn: Occurrence | undefined

  private firstTyped: TypedOccurrence | undefined

  constructor(name: string, number: number) {
    this.name = name
    this.number = number
  }

  /** Whose type is that of the symbol: the definition, or the first declaration that has one. */
  get typed(): TypedOccurrence | undefined {
    return isTyped(this.definition) ? this.definition : this.firstTyped
  }

  add(occurrence: Occurrence): void {
    const { file, symbol, defined } = occurrence
    if (this.occurrences.at(-1)?.file !== file) this.occurrences.push(occurrence)
    this.strong ||= symbol.binding === 'global'
    this.hidden ||= symbol.visibility === 'hidden'
    if (isTyped(occurrence)) this.firstTyped ??= occurrence
    if (!defined) {
      if (isPlaced(occurrence)) this.declaredIn ??= occurrence
    } else if (this.definition === undefined || (isWeak(this.definition) && !isWeak(occurrence))) {
      this.definition = occurrence
    }
  }

  /** The symbol as all of its occurrences together make it. */
  merged(): NewElfSymbol {
    const { symbol, part } = this.definition ?? this.occurrences[0]!
    return {
      name: this.name,
      type: symbol.type,
      binding: this.strong ? 'global' : 'weak',
      visibility: this.hidden ? 'hidden' : 'default',
      section: part?.into.number ?? symbol.section,
      value: (part?.offset ?? 0) + symbol.value,
      size: symbol.size,
    }
  }
}

export type TypedOccurrence = Occurrence & { readonly type: SymbolType }

function isWeak({ symbol }: Occurrence): boolean {
  return symbol.binding === 'weak'
}

function isTyped(occurrence: Occurrence | undefined): occurrence is TypedOccurrence {
  return occurrence?.type !== undefined
}

export class OutputSymbols {
  readonly all: NewElfSymbol[] = []
  readonly shared = new Map<string, SharedSymbol>()
  /** Names whose types could not be compared, for want of BTF. */
  readonly untyped = new Set<string>()
  private readonly sections: OutputSections
  private readonly comparer = new TypeComparer()
  private readonly numbers: Int32Array[] = []
  private readonly sectionSymbols = new Map<OutputSection, number>()
  /** Symbols of sections that are there once, by their place. */
  private readonly saidOnce = new Map<string, number>()

  constructor(sections: OutputSections) {
    this.sections = sections
  }

  /** The number in the result of a symbol of a file; 0 if the result does not have it. */
  numberOf(file: InputFile, symbol: number): number {
    return this.numbers[file.position]![symbol] ?? 0
  }

  /** Adds the symbols of a file. Throws `ERR_LINK` where they contradict those that are there. */
  add(file: InputFile): void {
    const numbers = new Int32Array(file.elf.symbols.length)
    this.numbers[file.position] = numbers
    for (const symbol of file.elf.symbols) if (symbol.index !== 0) numbers[symbol.index] = this.addOne(file, symbol)
  }

  private addOne(file: InputFile, symbol: ElfSymbol): number {
    const named = `symbol ${symbol.name === '' ? symbol.index : quoteName(symbol.name)}`
    if (symbol.section === SECTION_COMMON) {
      throw new AnybpfError('ERR_UNSUPPORTED', `${file.name}: ${named} is common data: compile with -fno-common`)
    }
    const reserved = symbol.section === SECTION_UNDEFINED || symbol.section >= SECTION_RESERVED
    const part = reserved ? undefined : this.sections.part(file, symbol.section)
    if (!reserved && part === undefined) return 0
    if (symbol.type === 'section') return part === undefined ? 0 : this.sectionSymbol(part.into)
    const place = part && `${part.into.number} ${part.offset + symbol.value}`
    if (part?.repeated === true) return this.saidOnce.get(place!) ?? this.sectionSymbol(part.into)
    if (symbol.binding !== 'local' && part?.into.name !== JUMP_TABLES) {
      const number = this.addShared(file, symbol, part)
      if (place !== undefined) this.saidOnce.set(place, number)
      return number
    }
    return this.push(symbol, part)
  }

  private push(symbol: ElfSymbol, part: SectionPart | undefined): number {
    const { name, type, binding, visibility, size } = symbol
    const section = part?.into.number ?? symbol.section
    this.all.push({ name, type, binding, visibility, section, value: (part?.offset ?? 0) + symbol.value, size })
    return this.all.length
  }

  private sectionSymbol(section: OutputSection): number {
    let number = this.sectionSymbols.get(section)
    if (number === undefined) {
      this.all.push({ name: '', type: 'section', binding: 'local', section: section.number, value: 0, size: 0 })
      number = this.all.length
      this.sectionSymbols.set(section, number)
    }
    return number
  }

  private addShared(file: InputFile, symbol: ElfSymbol, part: SectionPart | undefined): number {
    const { name } = symbol
    const defined = symbol.section !== SECTION_UNDEFINED
    const occurrence: Occurrence = { file, symbol, type: file.types.get(name), part, defined }
    let shared = this.shared.get(name)
    if (shared === undefined) {
      shared = new SharedSymbol(name, this.push(symbol, part))
      this.shared.set(name, shared)
    } else {
      this.checkDefinitions(shared, occurrence)
      this.checkTypes(shared, occurrence)
    }
    shared.add(occurrence)
    this.checkPlace(shared, occurrence)
    this.all[shared.number - 1] = shared.merged()
    return shared.number
  }

  private checkDefinitions({ name, definition }: SharedSymbol, { file, symbol, defined }: Occurrence): void {
    if (!defined || definition === undefined) return
    if (isWeak(definition) || symbol.binding === 'weak') return
    const places = `${definition.file.placeOf(definition.symbol)} and in ${file.placeOf(symbol)}`
    throw linkError(`${quoteName(name)} is defined in ${places}, and neither is weak`, [definition.file, file], name)
  }

  private checkTypes(shared: SharedSymbol, occurrence: Occurrence): void {
    const known = shared.typed
    if (known === undefined || !isTyped(occurrence)) {
      this.untyped.add(shared.name)
      return
    }
    // A file has one type for a name.
    if (known.file === occurrence.file) return
    const a = { file: known.file, id: known.type.id }
    const b = { file: occurrence.file, id: occurrence.type.id }
    const maps = known.type.section === MAPS_SECTION && occurrence.type.section === MAPS_SECTION
    let difference: string | undefined
    try {
      difference = maps ? this.comparer.differenceOfMaps(a, b) : this.comparer.difference(a, b)
    } catch (error) {
      if (!(error instanceof AnybpfError)) throw error
      const files = `${known.file.name} and ${occurrence.file.name}`
      throw new AnybpfError(error.code, `${quoteName(shared.name)}, in ${files}: ${error.message}`, { cause: error })
    }
    if (difference === undefined) return
    const places = `${known.file.placeOf(known.symbol)} and ${occurrence.file.placeOf(occurrence.symbol)}`
    throw linkError(
      `${quoteName(shared.name)} has different types in ${places}: ${difference}`,
      [known.file, occurrence.file],
      shared.name,
    )
  }

  /** What is declared to be the kernel's, or a map, may not turn out to be something else. */
  private checkPlace({ name, definition, declaredIn }: SharedSymbol, last: Occurrence): void {
    if (declaredIn === undefined) return
    const section = declaredIn.type!.section!
    const by = definition ?? last
    const other = definition === undefined ? (isPlaced(last) ? last.type!.section! : section) : placeOf(definition)
    if (other === section) return
    const where = `in ${declaredIn.file.name}, and is in section ${other} in ${by.file.placeOf(by.symbol)}`
    throw linkError(
      `${quoteName(name)} is declared to be in section ${section} ${where}`,
      [declaredIn.file, by.file],
      name,
    )
  }
}

function placeOf({ part, symbol }: Occurrence): string {
  return part?.into.name ?? `#${symbol.section}`
}

/** Whether a declaration says in which section the symbol is. */
function isPlaced({ type, defined }: Occurrence): boolean {
  return !defined && type?.section !== undefined && type.section !== EXTERN_SECTION
}
