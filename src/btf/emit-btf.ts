/**
 * Writes BTF: the `.BTF` section, or a BTF file. What was read from a file and not changed is written as it was, byte for
 * byte, in its own byte order or in the other.
 * @see https://docs.kernel.org/bpf/btf.html
 * @module
 */
import { AnybpfError, type ByteOrder } from '../util/index.ts'
import type { Btf } from './btf.ts'
import { encodeTypes } from './encode-types.ts'
import type { BtfForm } from './form.ts'
import { BTF_KIND_ROWS } from './kinds.ts'
import { BTF_MAGIC, BTF_VERSION } from './parse-btf.ts'
import { StringPool } from './string-pool.ts'
import { wordsToBytes } from './type-words.ts'

export interface EmitBtfOptions {
  /** The types' own by default. */
  readonly byteOrder?: ByteOrder
  /**
   * `classic`: 24 bytes; `layout`: 32, with a layout section. By default as in the file that the types come from, and
   * `classic` for types made by hand.
   */
  readonly header?: 'classic' | 'layout'
}

interface Sections {
  readonly types: Uint8Array
  readonly strings: Uint8Array
  readonly layout: Uint8Array | undefined
}

/**
 * The bytes of a BTF. Of a split BTF only its own types and strings are written; its base has to be one that was read or
 * built (`BtfBuilder`), for its strings have offsets then. Throws `ERR_BTF` for types that have no encoding.
 */
export function emitBtf(btf: Btf, options: EmitBtfOptions = {}): Uint8Array {
  const byteOrder = options.byteOrder ?? btf.byteOrder
  const little = byteOrder === 'little'
  const { words, strings } = btf.words === undefined ? encode(btf) : { words: btf.words.words, strings: btf.ownStrings }
  if (byteOrder !== btf.byteOrder) refuseUnknownKinds(btf)
  const withLayout = options.header === undefined ? btf.form?.layout !== undefined : options.header === 'layout'
  const layout = withLayout ? (otherOrder(btf, byteOrder, btf.form?.layout) ?? layoutOfKnownKinds(little)) : undefined
  return assemble({ types: wordsToBytes(words, little), strings, layout }, btf.form, little)
}

/** Types made by hand: names go where they are in the strings of the file that they were made from, else at their end. */
function encode(btf: Btf): { words: Uint32Array; strings: Uint8Array } {
  const { base } = btf
  const inBase = base?.stringsLength ?? 0
  if (base !== undefined && base.words === undefined) {
    throw new AnybpfError('ERR_USAGE', 'the base of a split BTF has to be one that was read or built')
  }
  const own = btf.ownStrings
  const pool = new StringPool(own.length > 0 ? own : undefined, inBase)
  const find = base === undefined ? undefined : stringsOf(base)
  const { words } = encodeTypes(
    btf.types.slice(btf.firstOwn),
    (name) => pool.find(name) ?? find?.(name) ?? pool.add(name),
    btf.byteOrder === 'little',
  )
  return { words, strings: pool.bytes() }
}

const POOLS = new WeakMap<Btf, StringPool>()

/** Where a string lies in a BTF or its bases. */
export function stringsOf(btf: Btf): (text: string) => number | undefined {
  let pool = POOLS.get(btf)
  if (pool === undefined) {
    pool = new StringPool(btf.ownStrings, btf.base?.stringsLength ?? 0)
    POOLS.set(btf, pool)
  }
  const below = btf.base === undefined ? undefined : stringsOf(btf.base)
  return (text) => below?.(text) ?? pool.find(text)
}

/** Nobody knows where the fields of an unknown kind's record begin and end. */
function refuseUnknownKinds(btf: Btf): void {
  for (let id = btf.firstOwn; id < btf.length; id++) {
    if (btf.kindOf(id) === 'unknown') {
      throw new AnybpfError('ERR_BTF', `BTF type ${id} is of an unknown kind: its byte order cannot be changed`)
    }
  }
}

/** The flags of a layout record are two bytes long. */
function otherOrder(btf: Btf, byteOrder: ByteOrder, layout: Uint8Array | undefined): Uint8Array | undefined {
  if (layout === undefined || byteOrder === btf.byteOrder) return layout
  const swapped = layout.slice()
  for (let at = 2; at + 1 < layout.length; at += 4) {
    swapped[at] = layout[at + 1]!
    swapped[at + 1] = layout[at]!
  }
  return swapped
}

/** The layout section that describes the kinds known here. */
export function layoutOfKnownKinds(little: boolean): Uint8Array {
  const layout = new Uint8Array(4 * BTF_KIND_ROWS.length)
  const view = new DataView(layout.buffer)
  BTF_KIND_ROWS.forEach(({ fixed, element }, kind) => {
    layout[4 * kind] = fixed
    layout[4 * kind + 1] = element
    view.setUint16(4 * kind + 2, 0, little)
  })
  return layout
}

/*
 * struct btf_header: magic u16 | version u8 | flags u8 | hdr_len u32 | type_off u32 | type_len u32 | str_off u32 |
 * str_len u32, and in the longer one layout_off u32 | layout_len u32
 */
function assemble(sections: Sections, form: BtfForm | undefined, little: boolean): Uint8Array {
  const { types, strings, layout } = sections
  const unknown =
    form === undefined || (layout === undefined) !== (form.layout === undefined) ? 0 : form.unknownHeader.length
  const known = layout === undefined ? 24 : 32
  const headerSize = known + unknown
  const place = sameForm(sections, form, headerSize) ?? {
    typesOffset: 0,
    layoutOffset: types.length,
    stringsOffset: types.length + (layout?.length ?? 0),
    length: headerSize + types.length + (layout?.length ?? 0) + strings.length,
  }
  const bytes = new Uint8Array(place.length)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, BTF_MAGIC, little)
  bytes[2] = BTF_VERSION
  bytes[3] = form?.flags ?? 0
  const fields = [headerSize, place.typesOffset, types.length, place.stringsOffset, strings.length]
  if (layout !== undefined) fields.push(place.layoutOffset, layout.length)
  fields.forEach((field, i) => {
    view.setUint32(4 + 4 * i, field, little)
  })
  if (unknown > 0) bytes.set(form!.unknownHeader, known)
  bytes.set(types, headerSize + place.typesOffset)
  if (layout !== undefined) bytes.set(layout, headerSize + place.layoutOffset)
  bytes.set(strings, headerSize + place.stringsOffset)
  return bytes
}

/** The places that the sections had in the file, if they still fit there. */
function sameForm(
  { types, strings, layout }: Sections,
  form: BtfForm | undefined,
  headerSize: number,
): BtfForm | undefined {
  if (form === undefined || (layout === undefined) !== (form.layout === undefined)) return undefined
  const parts = [
    [form.typesOffset, types.length],
    [form.stringsOffset, strings.length],
    ...(layout === undefined ? [] : [[form.layoutOffset, layout.length]]),
  ] as [number, number][]
  parts.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  let end = 0
  for (const [offset, length] of parts) {
    if (offset < end) return undefined
    end = offset + length
  }
  return headerSize + end <= form.length ? form : undefined
}
