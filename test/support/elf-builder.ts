/**
 * Writes small ELF64 files by hand, for tests of what no compiler emits.
 * @module
 */
import { SECTION_TYPE } from '../../src/elf/index.ts'
import { type ByteOrder, encodeUtf8 } from '../../src/util/index.ts'

export interface SectionParts {
  readonly name: string
  readonly type: number
  readonly data: Uint8Array
  readonly flags?: number
  readonly link?: number
  readonly info?: number
  /** As if the section were this large, whatever `data` is. */
  readonly size?: number
  /** The bytes of the section with this index (from 1) instead of its own. */
  readonly over?: number
}

export interface SymbolParts {
  readonly name: string
  /** Low nibble the type, high nibble the binding: 0x12 is a global function. */
  readonly info: number
  readonly section: number
  readonly value?: number
  readonly size?: number
}

/** `.symtab` and `.strtab`, the null symbol first. `stringsAt` is the index that `.strtab` will have. */
export function symbolSections(order: ByteOrder, symbols: readonly SymbolParts[], stringsAt: number): SectionParts[] {
  const little = order === 'little'
  const table = new DataView(new ArrayBuffer(24 * (symbols.length + 1)))
  const offsets = new Map<string, number>()
  const parts: string[] = ['\0']
  let length = 1
  symbols.forEach((symbol, i) => {
    let offset = offsets.get(symbol.name)
    if (offset === undefined) {
      offset = length
      offsets.set(symbol.name, offset)
      parts.push(`${symbol.name}\0`)
      length += symbol.name.length + 1
    }
    const at = 24 * (i + 1)
    table.setUint32(at, offset, little)
    table.setUint8(at + 4, symbol.info)
    table.setUint16(at + 6, symbol.section, little)
    table.setBigUint64(at + 8, BigInt(symbol.value ?? 0), little)
    table.setBigUint64(at + 16, BigInt(symbol.size ?? 0), little)
  })
  return [
    { name: '.symtab', type: SECTION_TYPE.symtab, data: new Uint8Array(table.buffer), link: stringsAt },
    { name: '.strtab', type: SECTION_TYPE.strtab, data: encodeUtf8(parts.join('')) },
  ]
}

/** A relocatable BPF file: the sections in the given order after the null section, their names in one more. */
export function makeElf(
  order: ByteOrder,
  sections: readonly SectionParts[],
  options: { countInFirstSection?: boolean } = {},
): Uint8Array {
  const little = order === 'little'
  const nameOffsets: number[] = []
  const nameParts = ['\0']
  let namesLength = 1
  for (const name of [...sections.map((section) => section.name), '.shstrtab']) {
    nameOffsets.push(namesLength)
    nameParts.push(`${name}\0`)
    namesLength += name.length + 1
  }
  const all = [...sections, { name: '.shstrtab', type: SECTION_TYPE.strtab, data: encodeUtf8(nameParts.join('')) }]
  const count = all.length + 1
  const bytes = new Uint8Array(all.reduce((sum, section) => sum + section.data.length, 64 + 64 * count))
  const view = new DataView(bytes.buffer)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, little ? 1 : 2, 1])
  view.setUint16(16, 1, little)
  view.setUint16(18, 247, little)
  view.setBigUint64(40, 64n, little)
  view.setUint16(58, 64, little)
  view.setUint16(60, options.countInFirstSection ? 0 : count, little)
  view.setUint16(62, options.countInFirstSection ? 0xffff : count - 1, little)
  if (options.countInFirstSection) {
    view.setBigUint64(64 + 32, BigInt(count), little)
    view.setUint32(64 + 40, count - 1, little)
  }
  const starts: number[] = [0]
  let at = 64 + 64 * count
  for (const section of all) {
    starts.push(at)
    bytes.set(section.data, at)
    at += section.data.length
  }
  all.forEach((section: SectionParts, i) => {
    const header = 64 + 64 * (i + 1)
    const source = section.over === undefined ? section : all[section.over - 1]!
    view.setUint32(header, nameOffsets[i]!, little)
    view.setUint32(header + 4, section.type, little)
    view.setBigUint64(header + 8, BigInt(section.flags ?? 0), little)
    view.setBigUint64(header + 24, BigInt(starts[section.over ?? i + 1]!), little)
    view.setBigUint64(header + 32, BigInt(section.size ?? source.data.length), little)
    view.setUint32(header + 40, section.link ?? 0, little)
    view.setUint32(header + 44, section.info ?? 0, little)
  })
  return bytes
}
