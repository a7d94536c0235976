/**
 * Reads the `.BTF` section, or a BTF file: header, types, strings. Either byte order, which the magic number tells.
 *
 * Headers have 24 bytes, or 32 with a layout section, which says for each kind how large its record is, so that kinds
 * newer than the reader can be stepped over. Everything that the result's users rely on is checked here: names,
 * references, and that no type contains itself; types become objects later, when they are asked for.
 * @see https://docs.kernel.org/bpf/btf.html
 * @module
 */
import { AnybpfError, type ByteOrder, StringTable } from '../util/index.ts'
import { Btf } from './btf.ts'
import { checkReferences } from './check-references.ts'
import type { BtfForm } from './form.ts'
import { scanTypes } from './scan-types.ts'
import { bytesToWords, TypeWords } from './type-words.ts'

export const BTF_MAGIC = 0xeb9f
export const BTF_VERSION = 1

const CLASSIC_HEADER_SIZE = 24
const LAYOUT_HEADER_SIZE = 32

export interface ParseBtfOptions {
  /** The BTF that this one extends (split BTF: a kernel module's on the kernel's). */
  readonly base?: Btf
}

export interface BtfHeader {
  readonly byteOrder: ByteOrder
  readonly version: number
  readonly flags: number
  readonly headerSize: number
  /** Sections, as views into the file; `layout` is absent in files of the 24-byte header. */
  readonly types: Uint8Array
  readonly strings: Uint8Array
  readonly layout: Uint8Array | undefined
  readonly form: BtfForm
}

/** Reads BTF. Throws `ERR_BTF` with the place of what is wrong. */
export function parseBtf(bytes: Uint8Array, options: ParseBtfOptions = {}): Btf {
  const header = parseBtfHeader(bytes)
  const { base } = options
  if (base !== undefined && base.byteOrder !== header.byteOrder) {
    throw new AnybpfError('ERR_BTF', `split BTF is ${header.byteOrder}-endian, and its base is not`)
  }
  const { layout } = header
  const little = header.byteOrder === 'little'
  // A copy: names are read when they are asked for, and the caller's bytes may have changed by then.
  const strings = new StringTable(new Uint8Array(header.strings), 'ERR_BTF', 'BTF strings')
  const words = bytesToWords(header.types, little)
  const starts = scanTypes({ words, strings, base, layout })
  const types = new TypeWords({ words, starts, strings, base, little })
  checkReferences(types)
  return new Btf(types, { byteOrder: header.byteOrder, strings, form: header.form, ...(base && { base }) })
}

/** Reads and checks the header only. */
export function parseBtfHeader(bytes: Uint8Array): BtfHeader {
  if (bytes.length < CLASSIC_HEADER_SIZE) throw new AnybpfError('ERR_BTF', `BTF is cut short: ${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const little = view.getUint16(0, true) === BTF_MAGIC
  if (!little && view.getUint16(0, false) !== BTF_MAGIC) {
    throw new AnybpfError('ERR_BTF', `not BTF: it does not start with the magic number 0x${BTF_MAGIC.toString(16)}`)
  }
  const version = bytes[2]!
  if (version !== BTF_VERSION) throw new AnybpfError('ERR_BTF', `BTF version ${version} is not known`)
  const headerSize = view.getUint32(4, little)
  if (headerSize < CLASSIC_HEADER_SIZE || headerSize > bytes.length) {
    throw new AnybpfError('ERR_BTF', `BTF header of ${headerSize} bytes, in ${bytes.length} bytes`)
  }
  const part = (at: number, what: string): Uint8Array => {
    const start = headerSize + view.getUint32(at, little)
    const length = view.getUint32(at + 4, little)
    if (start + length > bytes.length) {
      throw new AnybpfError(
        'ERR_BTF',
        `BTF ${what} end at ${start + length}, beyond the ${bytes.length} bytes there are`,
      )
    }
    return bytes.subarray(start, start + length)
  }
  const types = part(8, 'types')
  const strings = part(16, 'strings')
  const layout = headerSize >= LAYOUT_HEADER_SIZE ? part(24, 'layouts') : undefined
  if (types.length % 4 !== 0)
    throw new AnybpfError('ERR_BTF', `BTF types have ${types.length} bytes, not a multiple of 4`)
  if (strings.length > 0 && strings[strings.length - 1] !== 0) {
    throw new AnybpfError('ERR_BTF', 'BTF strings do not end with a NUL')
  }
  return {
    byteOrder: little ? 'little' : 'big',
    version,
    flags: bytes[3]!,
    headerSize,
    types,
    strings,
    layout: layout !== undefined && layout.length > 0 ? layout : undefined,
    form: {
      flags: bytes[3]!,
      unknownHeader: new Uint8Array(
        bytes.subarray(layout === undefined ? CLASSIC_HEADER_SIZE : LAYOUT_HEADER_SIZE, headerSize),
      ),
      layout: layout && new Uint8Array(layout),
      typesOffset: view.getUint32(8, little),
      stringsOffset: view.getUint32(16, little),
      layoutOffset: layout === undefined ? 0 : view.getUint32(24, little),
      length: bytes.length,
    },
  }
}
