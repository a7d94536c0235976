/**
 * `.BTF.ext` of all files as one: functions, lines and CO-RE relocations, where the code of each file went, and of the
 * types that each file's became.
 * @module
 */
import type { BtfCoreRelocation, BtfExt, BtfFuncInfo, BtfLineInfo, BtfTypeId } from '../../btf/index.ts'
import { AnybpfError, quoteName } from '../../util/index.ts'
import type { InputFile } from './link-input.ts'
import type { OutputSections } from './output-sections.ts'

/** Bytes of the header with all fields that are known, CO-RE's among them. */
const HEADER_SIZE = 32

/** A record at its new place. */
interface Placed<T> {
  readonly file: InputFile
  readonly record: T
}

/** By section, in the order of the places. */
type Placements<T> = Map<string, Placed<T>[]>

/** The records of all files; types are still those of each file. */
export class MergedRecords {
  private readonly sections: OutputSections
  private readonly functions: Placements<BtfFuncInfo> = new Map()
  private readonly lines: Placements<BtfLineInfo> = new Map()
  private readonly coreRelocations: Placements<BtfCoreRelocation> = new Map()
  private readonly sizes = { funcInfoSize: 0, lineInfoSize: 0, coreRelocationSize: 0 }

  constructor(files: readonly InputFile[], sections: OutputSections) {
    this.sections = sections
    for (const file of files) this.add(file)
  }

  get isEmpty(): boolean {
    return this.functions.size === 0 && this.lines.size === 0 && this.coreRelocations.size === 0
  }

  /** Every string that the records and their sections have. */
  *strings(): Generator<string> {
    for (const sections of [this.functions, this.lines, this.coreRelocations]) yield* sections.keys()
    for (const placed of this.lines.values()) {
      for (const { record } of placed) {
        yield record.file
        yield record.text
      }
    }
    for (const placed of this.coreRelocations.values()) for (const { record } of placed) yield record.access
  }

  /** The records, with types as `idOf` says. */
  withTypes(idOf: (file: InputFile, id: BtfTypeId) => BtfTypeId): BtfExt {
    const typed = <T extends { readonly type: BtfTypeId }>({ file, record }: Placed<T>): T => {
      return { ...record, type: idOf(file, record.type) }
    }
    return {
      functions: mapSections(this.functions, typed),
      lines: mapSections(this.lines, ({ record }) => record),
      coreRelocations: mapSections(this.coreRelocations, typed),
      form: { flags: 0, headerSize: HEADER_SIZE, unknownHeader: new Uint8Array(0), ...this.sizes },
    }
  }

  private add(file: InputFile): void {
    const { ext } = file
    if (ext === undefined) return
    this.place(file, this.functions, ext.functions)
    this.place(file, this.lines, ext.lines)
    this.place(file, this.coreRelocations, ext.coreRelocations)
    // A file with longer records than another has fields that are newer: those that are not there are zero.
    for (const field of ['funcInfoSize', 'lineInfoSize', 'coreRelocationSize'] as const) {
      this.sizes[field] = Math.max(this.sizes[field], ext.form?.[field] ?? 0)
    }
  }

  private place<T extends { readonly offset: number }>(
    file: InputFile,
    into: Placements<T>,
    from: ReadonlyMap<string, readonly T[]>,
  ): void {
    for (const [name, records] of from) {
      if (records.length === 0) continue
      const section = file.sectionsByName.get(name)
      const part = section && this.sections.part(file, section.index)
      if (part === undefined) {
        const what = `.BTF.ext is about section ${quoteName(name)}, which does not exist`
        throw new AnybpfError('ERR_BTF', `${file.name}: ${what}`)
      }
      let placed = into.get(name)
      if (placed === undefined) into.set(name, (placed = []))
      for (const record of records) {
        if (!(record.offset < part.section.size)) {
          const what = `.BTF.ext is about byte ${record.offset} of section ${quoteName(name)}, which ends before`
          throw new AnybpfError('ERR_BTF', `${file.name}: ${what}`)
        }
        placed.push({ file, record: { ...record, offset: part.offset + record.offset } })
      }
    }
  }
}

function mapSections<T>(sections: Placements<T>, map: (placed: Placed<T>) => T): Map<string, T[]> {
  return new Map([...sections].map(([name, placed]) => [name, placed.map(map)]))
}
