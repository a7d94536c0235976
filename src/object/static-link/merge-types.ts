/**
 * The types of all files as one BTF: each file's after those of the file before, a shared name once, with the type of its
 * definition, and one DATASEC for each section of the result.
 *
 * Numbers are given out before anything is added, since types refer to later ones. Left out are declarations of what
 * another file defines, with their prototypes, and names that no symbol has.
 * @module
 */
import {
  type Btf,
  BtfBuilder,
  type BtfFunc,
  type BtfSectionVariable,
  type BtfType,
  type BtfTypeId,
  type BtfVar,
  dedupBtf,
  referencesOf,
  withReferences,
} from '../../btf/index.ts'
import { AnybpfError, type ByteOrder, quoteName } from '../../util/index.ts'
import type { InputFile } from './link-input.ts'
import type { OutputSections } from './output-sections.ts'
import { EXTERN_SECTION, type OutputSymbols, type SharedSymbol } from './output-symbols.ts'

const LEFT_OUT = -1

export class TypeMerger {
  private readonly files: readonly InputFile[]
  private readonly sections: OutputSections
  private readonly symbols: OutputSymbols
  private readonly byteOrder: ByteOrder
  private readonly builder: BtfBuilder
  /** Numbers among the types of all files, by position of the file, then by number in the file. */
  private readonly ids: Int32Array[] = []
  /** Of each of those numbers, the one that is left of all that mean the same. */
  private deduped: Uint32Array | undefined

  constructor(files: readonly InputFile[], sections: OutputSections, symbols: OutputSymbols, byteOrder: ByteOrder) {
    this.files = files.filter((file) => file.btf !== undefined)
    this.sections = sections
    this.symbols = symbols
    this.byteOrder = byteOrder
    this.builder = new BtfBuilder({ byteOrder })
  }

  /** All types, each once, with `strings` among theirs; undefined if no file has any. */
  merge(strings: Iterable<string>): Btf | undefined {
    if (this.files.length === 0) return undefined
    let next = 1
    for (const file of this.files) next = this.giveNumbers(file, next)
    for (const file of this.files) this.shareNumbers(file)
    for (const file of this.files) this.addTypes(file)
    this.addSections()
    const { btf, ids } = dedupBtf(this.builder.build())
    this.deduped = ids
    const builder = new BtfBuilder({ byteOrder: this.byteOrder })
    builder.addAll(btf)
    for (const text of strings) builder.string(text)
    return builder.build()
  }

  /** The number that a type of a file has in the result, once that has been made. */
  idOf(file: InputFile, id: BtfTypeId): BtfTypeId {
    return this.deduped![this.numberOf(file, id)]!
  }

  /** The number that a type of a file has among those of all files. */
  private numberOf(file: InputFile, id: BtfTypeId): BtfTypeId {
    const found = id === 0 ? 0 : this.ids[file.position]![id]!
    if (found !== LEFT_OUT) return found
    const { kind, name } = file.btf!.type(id)
    throw new AnybpfError('ERR_BTF', `${file.name}: type ${id}, the ${kind} ${quoteName(name)}, is referred to`)
  }

  private giveNumbers(file: InputFile, first: BtfTypeId): BtfTypeId {
    const btf = file.btf!
    const ids = new Int32Array(btf.length)
    this.ids[file.position] = ids
    const needed = typesOfRecords(file)
    /** How many kept types refer to a prototype, and how many that are left out. */
    const kept = new Map<BtfTypeId, number>()
    const dropped = new Set<BtfTypeId>()
    for (let id = 1; id < btf.length; id++) {
      const type = btf.type(id)
      if (type.kind === 'datasec' || !this.keeps(file, type, needed)) ids[id] = LEFT_OUT
      if (type.kind === 'func' && ids[id] === LEFT_OUT) dropped.add(type.type)
      else for (const to of referencesOf(type)) kept.set(to, (kept.get(to) ?? 0) + 1)
    }
    for (const id of dropped) if (!kept.has(id) && !needed.has(id)) ids[id] = LEFT_OUT
    for (let id = 1; id < btf.length; id++) {
      const type = btf.type(id)
      const isTagOfNothing = type.kind === 'decl_tag' && ids[type.type] === LEFT_OUT && !this.sharedBy(file, type.type)
      if (isTagOfNothing) ids[id] = LEFT_OUT
    }
    let next = first
    for (let id = 1; id < btf.length; id++) if (ids[id] !== LEFT_OUT) ids[id] = next++
    return next
  }

  /** Whether a type is part of the result in this file's version. */
  private keeps(file: InputFile, type: BtfType, needed: ReadonlySet<BtfTypeId>): boolean {
    if (!isShared(type)) return true
    const shared = this.symbols.shared.get(type.name)?.typed
    if (shared === undefined) return needed.has(type.id)
    return shared.file === file && shared.type.id === type.id
  }

  /** The symbol that a type describes, if it is one that files share. */
  private sharedBy(file: InputFile, id: BtfTypeId): SharedSymbol | undefined {
    const type = file.btf!.type(id)
    if (!isShared(type)) return undefined
    const shared = this.symbols.shared.get(type.name)
    const typed = shared?.typed
    return typed !== undefined && typed.file.btf!.kindOf(typed.type.id) === type.kind ? shared : undefined
  }

  /** Types of a name that is another file's get that one's number. */
  private shareNumbers(file: InputFile): void {
    const ids = this.ids[file.position]!
    for (let id = 1; id < ids.length; id++) {
      if (ids[id] !== LEFT_OUT) continue
      const typed = this.sharedBy(file, id)?.typed
      if (typed !== undefined) ids[id] = this.ids[typed.file.position]![typed.type.id]!
    }
  }

  private addTypes(file: InputFile): void {
    const btf = file.btf!
    const ids = this.ids[file.position]!
    const map = (id: BtfTypeId): BtfTypeId => this.numberOf(file, id)
    for (let id = 1; id < btf.length; id++) {
      if (ids[id] !== this.builder.nextId) continue
      const type = btf.type(id)
      const moved = withReferences(type, map)
      const defined = isShared(type) && this.symbols.shared.get(type.name)?.definition !== undefined
      // What one file declares and another defines is no extern of the result.
      this.builder.add(defined ? ({ ...moved, linkage: 'global' } as BtfType) : moved)
    }
  }

  private addSections(): void {
    const merged = new Map<string, SectionVariables>()
    for (const { name } of this.sections.all) merged.set(name, { described: false, variables: [], seen: new Set() })
    for (const file of this.files) {
      const btf = file.btf!
      for (let id = 1; id < btf.length; id++) {
        const type = btf.kindOf(id) === 'datasec' ? btf.type(id) : undefined
        if (type?.kind !== 'datasec' || type.name === EXTERN_SECTION) continue
        let into = merged.get(type.name)
        if (into === undefined) merged.set(type.name, (into = { described: false, variables: [], seen: new Set() }))
        into.described = true
        for (const variable of type.variables) this.addVariable(into, file, type.name, variable)
      }
    }
    for (const [name, { described, variables }] of merged) {
      if (!described) continue
      variables.sort((a, b) => a.offset - b.offset)
      this.builder.datasec(name, this.sections.get(name)?.size ?? 0, variables)
    }
  }

  private addVariable(
    into: SectionVariables,
    file: InputFile,
    section: string,
    { type, offset, size }: BtfSectionVariable,
  ): void {
    const found = file.sectionsByName.get(section)
    const part = found && this.sections.part(file, found.index)
    if (isShared(file.btf!.type(type))) {
      const shared = this.sharedBy(file, type)
      if (shared === undefined || into.seen.has(shared)) return
      into.seen.add(shared)
      const id = this.numberOf(file, type)
      const { definition } = shared
      if (definition === undefined) into.variables.push({ type: id, offset: 0, size })
      else if (definition.part?.into.name === section) {
        const own = definition.type && definition.file.variableSizes.get(definition.type.id)
        const at = definition.part.offset + definition.symbol.value
        into.variables.push({ type: id, offset: at, size: own ?? size })
      }
    } else if (part?.repeated !== true) {
      into.variables.push({ type: this.numberOf(file, type), offset: (part?.offset ?? 0) + offset, size })
    }
  }
}

interface SectionVariables {
  /** Whether any file has a DATASEC of it, which may be empty. */
  described: boolean
  readonly variables: BtfSectionVariable[]
  readonly seen: Set<SharedSymbol>
}

function isShared(type: BtfType): type is BtfVar | BtfFunc {
  return (type.kind === 'var' || type.kind === 'func') && type.linkage !== 'static'
}

/** Types that `.BTF.ext` refers to. */
function typesOfRecords({ ext }: InputFile): Set<BtfTypeId> {
  const needed = new Set<BtfTypeId>()
  for (const records of ext?.functions.values() ?? []) for (const { type } of records) needed.add(type)
  for (const records of ext?.coreRelocations.values() ?? []) for (const { type } of records) needed.add(type)
  return needed
}
