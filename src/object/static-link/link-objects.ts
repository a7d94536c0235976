/**
 * Static linking: several object files become one, as `bpftool gen object` makes it.
 *
 * Sections of one name are put one after the other, names are resolved across files, types and the records of `.BTF.ext`
 * are merged, relocations moved. The result is an object like those it was made of: it can be linked again, and names that
 * nobody defined stay open.
 * @see https://docs.kernel.org/bpf/libbpf/libbpf_overview.html
 * @see https://man7.org/linux/man-pages/man8/bpftool-gen.8.html
 * @module
 */
import { emitBtf, emitBtfExt } from '../../btf/index.ts'
import { emitElf, type NewElfSection, SECTION_TYPE } from '../../elf/index.ts'
import { AnybpfError, type ByteOrder } from '../../util/index.ts'
import { KCONFIG_SECTION, KSYMS_SECTION } from '../data-maps.ts'
import { InputFile, type LinkInput } from './link-input.ts'
import { linkRelocations } from './link-relocations.ts'
import { MergedRecords } from './merge-records.ts'
import { TypeMerger } from './merge-types.ts'
import { contentsOf, linkError, OutputSections } from './output-sections.ts'
import { OutputSymbols, type SharedSymbol } from './output-symbols.ts'

/** A section of the result, and what it is made of. */
export interface LinkedSection {
  readonly name: string
  /** Bytes. */
  readonly size: number
  readonly alignment: number
  readonly parts: readonly { readonly input: string; readonly offset: number; readonly size: number }[]
}

/** A name that other objects may see. */
export interface LinkedSymbol {
  readonly name: string
  /** What it is, by its definition; undefined if nobody defines it. */
  readonly kind: 'function' | 'data' | undefined
  readonly binding: 'global' | 'weak'
  readonly hidden: boolean
  /** Name of the input that defines it. */
  readonly definedIn: string | undefined
  readonly section: string | undefined
  /** Inputs that have the name. */
  readonly inputs: readonly string[]
}

export interface LinkedObject {
  /** The ELF file. */
  readonly bytes: Uint8Array
  readonly byteOrder: ByteOrder
  readonly sections: readonly LinkedSection[]
  readonly symbols: readonly LinkedSymbol[]
  /** Names that nobody defines, and that are neither the kernel's (`.ksyms`) nor of `.kconfig`: the next link has to. */
  readonly unresolved: readonly string[]
  /** Names of several inputs of which one has no type, so that nothing shows that they mean the same. */
  readonly untyped: readonly string[]
  /** Types in `.BTF`, `void` not counted; 0 without BTF. */
  readonly types: number
}

const BTF_ALIGNMENT = 8

/**
 * Links objects; their order is that of their parts in each section. Throws `ERR_LINK` for what does not go together
 * (`details.inputs`, `details.symbol`), and for a file that cannot be linked what is wrong with it, with its name.
 */
export function linkObjects(inputs: readonly LinkInput[]): LinkedObject {
  if (inputs.length === 0) throw new AnybpfError('ERR_USAGE', 'there are no objects to link')
  const files = inputs.map((input, position) => new InputFile(input, position))
  const { byteOrder } = files[0]!.elf.header
  const sections = new OutputSections()
  const symbols = new OutputSymbols(sections)
  for (const file of files) {
    if (file.elf.header.byteOrder !== byteOrder) {
      const other = `${files[0]!.name} is ${byteOrder}-endian and ${file.name} is not`
      throw linkError(`${other}: a program has one byte order`, [files[0]!, file])
    }
    sections.add(file)
    symbols.add(file)
  }
  const written: NewElfSection[] = sections.all.map((section) => {
    const { name, type, flags, entrySize, alignment, size } = section
    const data = type === SECTION_TYPE.nobits ? new Uint8Array(0) : contentsOf(section)
    const relocations = linkRelocations(section, data, sections, symbols, byteOrder)
    return { name, type, flags, entrySize, alignment, size, data, relocations }
  })
  const records = new MergedRecords(files, sections)
  const merger = new TypeMerger(files, sections, symbols, byteOrder)
  const btf = merger.merge(records.strings())
  if (btf !== undefined) {
    const plain = { type: SECTION_TYPE.progbits, alignment: BTF_ALIGNMENT }
    written.push({ ...plain, name: '.BTF', data: emitBtf(btf) })
    if (!records.isEmpty) {
      const ext = records.withTypes((file, id) => merger.idOf(file, id))
      written.push({ ...plain, name: '.BTF.ext', data: emitBtfExt(ext, btf) })
    }
  }
  const shared = [...symbols.shared.values()]
  return {
    bytes: emitElf({ byteOrder, sections: written, symbols: symbols.all }),
    byteOrder,
    sections: sections.all.map(({ name, size, alignment, parts }) => ({
      name,
      size,
      alignment,
      parts: parts.map(({ file, section, offset }) => ({ input: file.name, offset, size: section.size })),
    })),
    symbols: shared.map(linkedSymbol),
    unresolved: shared.filter(isUnresolved).map(({ name }) => name),
    untyped: [...symbols.untyped],
    types: btf === undefined ? 0 : btf.length - 1,
  }
}

function linkedSymbol({ name, strong, hidden, definition, occurrences }: SharedSymbol): LinkedSymbol {
  const kind = definition === undefined ? undefined : definition.symbol.type === 'func' ? 'function' : 'data'
  return {
    name,
    kind,
    binding: strong ? 'global' : 'weak',
    hidden,
    definedIn: definition?.file.name,
    section: definition?.part?.into.name,
    inputs: occurrences.map(({ file }) => file.name),
  }
}

function isUnresolved({ definition, declaredIn }: SharedSymbol): boolean {
  const section = declaredIn?.type?.section
  return definition === undefined && section !== KSYMS_SECTION && section !== KCONFIG_SECTION
}
