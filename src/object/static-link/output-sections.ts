/**
 * The sections of the result: those of one name, of all files, one after the other.
 * @module
 */
import { type ElfSection, SECTION_TYPE } from '../../elf/index.ts'
import { AnybpfError, bytesEqual, decodeUtf8, quoteName } from '../../util/index.ts'
import { type InputFile, isCodeSection, isSaidOnce } from './link-input.ts'

/** Where a section of a file went. */
export interface SectionPart {
  readonly file: InputFile
  readonly section: ElfSection
  readonly into: OutputSection
  /** Bytes from the start of the section that it went into. */
  readonly offset: number
  /** Its contents are there already: a licence that another file has, too. */
  readonly repeated: boolean
}

export interface OutputSection {
  readonly name: string
  /** Number in the result, from 1. */
  readonly number: number
  readonly type: number
  readonly flags: number
  readonly entrySize: number
  alignment: number
  size: number
  readonly parts: SectionPart[]
}

/** Contents of all sections together. */
const MAX_CONTENTS = 256 * 1024 * 1024
/** BTF has 32 bits for the size of a section. */
const MAX_SECTION_SIZE = 0xffff_ffff
const JUMP_TABLES = '.jumptables'

export class OutputSections {
  readonly all: OutputSection[] = []
  private readonly byName = new Map<string, OutputSection>()
  /** By position of the file, then by index of the section. */
  private readonly parts: Map<number, SectionPart>[] = []
  private contents = 0

  get(name: string): OutputSection | undefined {
    return this.byName.get(name)
  }

  /** Where a section of a file went; undefined for one that the result does not have. */
  part(file: InputFile, section: number): SectionPart | undefined {
    return this.parts[file.position]?.get(section)
  }

  /** Appends the sections of a file. Throws `ERR_LINK` where they do not go with those that are there. */
  add(file: InputFile): void {
    const parts = new Map<number, SectionPart>()
    this.parts[file.position] = parts
    for (const section of file.sections) parts.set(section.index, this.append(file, section))
    if (!file.sectionsByName.has(JUMP_TABLES)) return
    for (const { section, offset } of parts.values()) {
      if (!isCodeSection(section) || offset === 0) continue
      const what = `its jump tables count from the start of section ${quoteName(section.name)}`
      throw new AnybpfError('ERR_UNSUPPORTED', `${file.name}: ${what}, which another file has too: link it first`)
    }
  }

  private append(file: InputFile, section: ElfSection): SectionPart {
    const { name, type, flags, entrySize } = section
    const alignment = Math.max(1, section.alignment)
    let into = this.byName.get(name)
    if (into === undefined) {
      into = { name, number: this.all.length + 1, type, flags, entrySize, alignment, size: 0, parts: [] }
      this.all.push(into)
      this.byName.set(name, into)
    } else {
      this.checkSame(into, file, section)
      if (isSaidOnce(section)) {
        this.checkSameContents(into.parts[0]!, file, section)
        return { file, section, into, offset: 0, repeated: true }
      }
    }
    into.alignment = Math.max(into.alignment, alignment)
    const offset = Math.ceil(into.size / into.alignment) * into.alignment
    const part = { file, section, into, offset, repeated: false }
    into.size = offset + section.size
    this.contents += type === SECTION_TYPE.nobits ? 0 : section.size
    if (!(into.size <= MAX_SECTION_SIZE && this.contents <= MAX_CONTENTS)) {
      throw new AnybpfError(
        'ERR_LIMIT',
        `${file.name}: section ${quoteName(name)} of ${section.size} bytes is too large`,
      )
    }
    into.parts.push(part)
    return part
  }

  private checkSame(into: OutputSection, file: InputFile, section: ElfSection): void {
    const first = into.parts[0]!
    for (const [word, one, other] of [
      ['type', into.type, section.type],
      ['flags', into.flags, section.flags],
      ['entry size', into.entrySize, section.entrySize],
    ] as const) {
      if (one === other) continue
      throw linkError(
        `section ${quoteName(into.name)} has ${word} ${one} in ${first.file.name} and ${other} in ${file.name}`,
        [first.file, file],
      )
    }
  }

  private checkSameContents(first: SectionPart, file: InputFile, section: ElfSection): void {
    const one = first.file.data(first.section)
    const other = file.data(section)
    if (bytesEqual(one, other)) return
    const both = `${quoteName(textOf(one))} in ${first.file.name} and ${quoteName(textOf(other))} in ${file.name}`
    throw linkError(
      `section ${quoteName(section.name)} differs: ${section.name === 'license' ? both : `in ${first.file.name} and ${file.name}`}`,
      [first.file, file],
    )
  }
}

/** The bytes of a section of the result, with what is in its parts; alignment leaves zeros between them. */
export function contentsOf(section: OutputSection): Uint8Array {
  const parts = section.parts.map((part) => ({ data: part.file.data(part.section), offset: part.offset }))
  const bytes = new Uint8Array(section.size)
  for (const { data, offset } of parts) bytes.set(data, offset)
  return bytes
}

/** What does not go together, with the files. */
export function linkError(message: string, files: readonly InputFile[], symbol?: string): AnybpfError {
  const inputs = [...files].sort((a, b) => a.position - b.position).map(({ name }) => name)
  return new AnybpfError('ERR_LINK', message, { details: { inputs, ...(symbol !== undefined && { symbol }) } })
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return decodeUtf8(end < 0 ? bytes : bytes.subarray(0, end))
}
