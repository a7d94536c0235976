/**
 * Sections of code to functions: where each begins, its instructions, lines and CO-RE records.
 * @module
 */
import { type ElfSection, type ElfSymbol, SECTION_FLAG, SECTION_TYPE } from '../elf/index.ts'
import { decodeProgram } from '../isa/decode.ts'
import { AnybpfError } from '../util/index.ts'
import { type CodeRecords, cutCoreRelocations, cutLines } from './code-records.ts'
import { MAX_CODE_SLOTS, type ObjectFile } from './object-file.ts'
import type { FunctionSpec } from './spec.ts'

const SLOT_BYTES = 8

/** A function as it was found, with where it is in the file. */
export interface FoundFunction {
  readonly section: ElfSection
  /** Bytes in the section. */
  readonly start: number
  readonly end: number
  readonly spec: FunctionSpec
}

export function isCode(section: ElfSection): boolean {
  return section.type === SECTION_TYPE.progbits && (section.flags & SECTION_FLAG.execute) !== 0 && section.size > 0
}

/** All functions of all sections of code, in the order of the file. Names may repeat. */
export function readFunctions(file: ObjectFile): FoundFunction[] {
  const found: FoundFunction[] = []
  let slots = 0
  for (const section of file.elf.sections) {
    if (!isCode(section)) continue
    slots += Math.floor(section.size / SLOT_BYTES)
    if (slots > MAX_CODE_SLOTS) throw new AnybpfError('ERR_LIMIT', `more than ${MAX_CODE_SLOTS} instruction slots`)
    const code = file.attempt(() => file.data(section))
    if (code === undefined) continue
    for (const one of new SectionReader(file, section, code).read()) found.push(one)
  }
  return found
}

interface Start {
  readonly name: string
  readonly offset: number
  /** As the symbol says; 0 if it does not. */
  readonly size: number
  readonly linkage: FunctionSpec['linkage']
  readonly hidden?: boolean
}

class SectionReader {
  private readonly file: ObjectFile
  private readonly section: ElfSection
  private readonly code: Uint8Array
  private readonly records: CodeRecords

  constructor(file: ObjectFile, section: ElfSection, code: Uint8Array) {
    this.file = file
    this.section = section
    this.code = code
    this.records = file.codeRecords(section.name)
  }

  read(): FoundFunction[] {
    const starts = this.starts()
    return starts.map((start, i) => {
      // A function ends where the next one starts, whatever its symbol says: no byte belongs to two.
      const limit = starts[i + 1]?.offset ?? this.code.length
      const end = start.size === 0 ? limit : Math.min(limit, start.offset + start.size)
      return { section: this.section, start: start.offset, end, spec: this.functionSpec(start, end) }
    })
  }

  private starts(): Start[] {
    const symbols = this.file
      .symbolsIn(this.section)
      .filter((symbol) => symbol.name !== '' && symbol.value < this.code.length && symbol.value % SLOT_BYTES === 0)
    let chosen = symbols.filter((symbol) => symbol.type === 'func')
    // Compilers before clang 9 or so give functions no type; labels of branches, which have none either, are local.
    if (chosen.length === 0) chosen = symbols.filter((symbol) => symbol.type === 'notype' && symbol.binding !== 'local')
    const byOffset = new Map<number, ElfSymbol>()
    for (const symbol of chosen) {
      const same = byOffset.get(symbol.value)
      if (same === undefined || (same.binding === 'local' && symbol.binding !== 'local'))
        byOffset.set(symbol.value, symbol)
    }
    const starts = [...byOffset.values()]
      .sort((a, b) => a.value - b.value)
      .map(
        (symbol): Start => ({
          name: symbol.name,
          offset: symbol.value,
          size: symbol.size,
          linkage: symbol.binding === 'local' ? 'static' : symbol.binding === 'weak' ? 'weak' : 'global',
          hidden: symbol.visibility === 'hidden' || symbol.visibility === 'internal',
        }),
      )
    if (starts.length > 0) return starts
    return [{ name: this.section.name.replace(/^\?/, ''), offset: 0, size: 0, linkage: 'global' }]
  }

  private functionSpec(start: Start, end: number): FunctionSpec {
    const { file, section } = this
    const { offset } = start
    const spec: FunctionSpec = {
      name: start.name,
      section: section.name,
      sectionSlot: offset / SLOT_BYTES,
      linkage: start.linkage,
      ...(start.hidden === true && { hidden: true }),
      slotCount: Math.floor((end - offset) / SLOT_BYTES),
      insns: [],
      references: [],
      lines: cutLines(this.records, offset, end),
      coreRelocations: cutCoreRelocations(this.records, offset, end),
    }
    try {
      spec.insns = decodeProgram(this.code.subarray(offset, end), file.elf.header.byteOrder)
    } catch (error) {
      spec.problem = file.functionProblem(start.name, error)
      spec.code = this.code.slice(offset, end)
    }
    const type = this.records.functionTypes.get(offset) ?? file.btf?.find(start.name, 'func')?.id
    if (type !== undefined && file.btf?.get(type)?.kind === 'func') spec.btfType = type
    return spec
  }
}
