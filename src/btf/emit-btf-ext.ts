/**
 * Writes the `.BTF.ext` section: the reverse of `parseBtfExt`.
 * @see https://docs.kernel.org/bpf/btf.html#btf-ext-section
 * @module
 */
import { AnybpfError, type ByteOrder, quoteName } from '../util/index.ts'
import type { Btf } from './btf.ts'
import { stringsOf } from './emit-btf.ts'
import { BTF_MAGIC, BTF_VERSION } from './parse-btf.ts'
import {
  type BtfExt,
  COLUMN_MASK,
  CORE_RELOCATION_SIZE,
  EXT_CORE_HEADER_SIZE,
  EXT_HEADER_SIZE,
  FUNC_INFO_SIZE,
  LINE_INFO_SIZE,
  LINE_SHIFT,
} from './parse-btf-ext.ts'

export interface EmitBtfExtOptions {
  /** The byte order of the types by default. */
  readonly byteOrder?: ByteOrder
}

interface Part<T> {
  readonly sections: ReadonlyMap<string, readonly T[]>
  /** Bytes of a record; 0 for a part that is not there. */
  readonly size: number
  readonly minimum: number
  readonly words: (record: T) => readonly number[]
}

/**
 * The bytes of a `.BTF.ext` section, with records of the sizes that it was read with. All of its strings have to be
 * among those of `btf` (`BtfBuilder.string` puts them there); throws `ERR_BTF` otherwise.
 */
export function emitBtfExt(ext: BtfExt, btf: Btf, options: EmitBtfExtOptions = {}): Uint8Array {
  const little = (options.byteOrder ?? btf.byteOrder) === 'little'
  const { form } = ext
  const find = stringsOf(btf)
  const string = (text: string): number => {
    const offset = find(text)
    if (offset === undefined) throw new AnybpfError('ERR_BTF', `the strings of BTF do not have ${quoteName(text)}`)
    return offset
  }
  const sizeOf = (known: number, was: number | undefined, sections: ReadonlyMap<string, unknown>): number =>
    was === undefined || was === 0 ? (sections.size === 0 ? (was ?? known) : known) : was
  const parts: [Part<object>, Part<object>, Part<object>] = [
    part({
      sections: ext.functions,
      size: sizeOf(FUNC_INFO_SIZE, form?.funcInfoSize, ext.functions),
      minimum: FUNC_INFO_SIZE,
      words: ({ offset, type }) => [offset, type],
    }),
    part({
      sections: ext.lines,
      size: sizeOf(LINE_INFO_SIZE, form?.lineInfoSize, ext.lines),
      minimum: LINE_INFO_SIZE,
      words: ({ offset, file, text, line, column }) => [
        offset,
        string(file),
        string(text),
        ((line << LINE_SHIFT) | (column & COLUMN_MASK)) >>> 0,
      ],
    }),
    part({
      sections: ext.coreRelocations,
      size: sizeOf(CORE_RELOCATION_SIZE, form?.coreRelocationSize ?? 0, ext.coreRelocations),
      minimum: CORE_RELOCATION_SIZE,
      words: ({ offset, type, access, kind }) => [offset, type, string(access), kind],
    }),
  ]
  const core = ext.coreRelocations.size > 0 || form === undefined || form.headerSize >= EXT_CORE_HEADER_SIZE
  const known = core ? EXT_CORE_HEADER_SIZE : EXT_HEADER_SIZE
  const headerSize = Math.max(known, form?.headerSize ?? 0)
  const lengths = parts.map(partLength)
  const trailing = form?.trailing ?? new Uint8Array(0)
  const end = headerSize + lengths.reduce((sum, length) => sum + length, 0)
  const bytes = new Uint8Array(end + trailing.length)
  bytes.set(trailing, end)
  const writer = { bytes, view: new DataView(bytes.buffer), little, string }
  writer.view.setUint16(0, BTF_MAGIC, little)
  bytes[2] = BTF_VERSION
  bytes[3] = form?.flags ?? 0
  writer.view.setUint32(4, headerSize, little)
  bytes.set((form?.unknownHeader ?? new Uint8Array(0)).subarray(0, headerSize - known), known)
  let at = 0
  parts.forEach((one, i) => {
    if (i === 2 && !core) return
    writer.view.setUint32(8 + 8 * i, at, little)
    writer.view.setUint32(12 + 8 * i, lengths[i]!, little)
    if (lengths[i]! > 0) writePart(one, writer, headerSize + at)
    at += lengths[i]!
  })
  return bytes
}

function part<T extends object>(one: Part<T>): Part<object> {
  return one as unknown as Part<object>
}

function partLength({ sections, size }: Part<object>): number {
  if (size === 0) return 0
  let length = 4
  for (const records of sections.values()) length += 8 + size * records.length
  return length
}

interface Writer {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly little: boolean
  readonly string: (text: string) => number
}

function writePart({ sections, size, minimum, words }: Part<object>, writer: Writer, start: number): void {
  const { bytes, view, little } = writer
  let at = start
  const word = (value: number): void => {
    view.setUint32(at, value, little)
    at += 4
  }
  word(size)
  for (const [section, records] of sections) {
    word(writer.string(section))
    word(records.length)
    for (const record of records) {
      const next = at + size
      for (const value of words(record)) word(value)
      const { extra } = record as { readonly extra?: Uint8Array }
      if (extra !== undefined) bytes.set(extra.subarray(0, size - minimum), at)
      at = next
    }
  }
}
