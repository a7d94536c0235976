/**
 * Reads the `.BTF` section, or a BTF file: header, types, strings. Either byte order, which the magic number tells.
 *
 * Headers have 24 bytes, or 32 with a layout section, which says for each kind how large its record is, so that kinds
 * newer than the reader can be stepped over. Everything that the result's users rely on is checked here: names,
 * references, and that no type contains itself.
 * @see https://docs.kernel.org/bpf/btf.html
 * @module
 */
import { AnybpfError, type ByteOrder, StringTable } from '../util/index.ts'
import { Btf } from './btf.ts'
import { checkBtf } from './check-btf.ts'
import {
  BTF_KINDS,
  type BtfEnumerator,
  type BtfEnumerator64,
  type BtfLinkage,
  type BtfMember,
  type BtfParam,
  type BtfSectionVariable,
  type BtfType,
} from './types.ts'

export const BTF_MAGIC = 0xeb9f
export const BTF_VERSION = 1

/** `BTF_MAX_TYPE` of Linux. */
export const BTF_MAX_TYPES = 0xfffff

const CLASSIC_HEADER_SIZE = 24
const LAYOUT_HEADER_SIZE = 32
const TYPE_SIZE = 12

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
}

/** Reads BTF. Throws `ERR_BTF` with the place of what is wrong. */
export function parseBtf(bytes: Uint8Array, options: ParseBtfOptions = {}): Btf {
  const header = parseBtfHeader(bytes)
  const { base } = options
  if (base !== undefined && base.byteOrder !== header.byteOrder) {
    throw new AnybpfError('ERR_BTF', `split BTF is ${header.byteOrder}-endian, and its base is not`)
  }
  const strings = new StringTable(header.strings, 'ERR_BTF', 'BTF strings')
  const types = new TypeReader(header, strings, base).read()
  const btf = new Btf(types, { byteOrder: header.byteOrder, strings, ...(base === undefined ? {} : { base }) })
  checkBtf(btf, base?.types.length ?? 1)
  return btf
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
  }
}

const LINKAGES: readonly BtfLinkage[] = ['static', 'global', 'extern']

class TypeReader {
  private readonly view: DataView
  private readonly little: boolean
  private readonly header: BtfHeader
  private readonly strings: StringTable
  private readonly base: Btf | undefined
  private readonly baseStringsLength: number
  private offset = 0
  private id: number

  constructor(header: BtfHeader, strings: StringTable, base: Btf | undefined) {
    const { types } = header
    this.header = header
    this.little = header.byteOrder === 'little'
    this.view = new DataView(types.buffer, types.byteOffset, types.byteLength)
    this.strings = strings
    this.base = base
    this.baseStringsLength = base?.stringsLength ?? 0
    this.id = base?.types.length ?? 1
  }

  read(): BtfType[] {
    const types: BtfType[] = this.base === undefined ? [{ kind: 'void', id: 0, name: '' }] : [...this.base.types]
    while (this.offset < this.view.byteLength) {
      if (this.id > BTF_MAX_TYPES) throw new AnybpfError('ERR_LIMIT', `BTF has more than ${BTF_MAX_TYPES} types`)
      types.push(this.readType())
      this.id++
    }
    return types
  }

  /*
   * struct btf_type:  name_off u32 | info u32 | size or type u32, then what the kind adds
   *
   *   31        30..24   23..0
   *   kind_flag kind     vlen (older writers: 5 bits of kind, 16 bits of vlen)
   */
  private readType(): BtfType {
    const { id } = this
    this.need(TYPE_SIZE, 'its header')
    const name = this.name(this.u32(0))
    const info = this.u32(4)
    const sizeOrType = this.u32(8)
    const kindNumber = (info >>> 24) & 0x7f
    const vlen = info & 0xffffff
    const kindFlag = info >>> 31 !== 0
    this.offset += TYPE_SIZE
    const kind = BTF_KINDS[kindNumber]
    switch (kind) {
      case 'int': {
        this.need(4, 'its encoding')
        const data = this.take32()
        return {
          kind,
          id,
          name,
          size: sizeOrType,
          bits: data & 0xff,
          offset: (data >>> 16) & 0xff,
          signed: (data & 0x1000000) !== 0,
          char: (data & 0x2000000) !== 0,
          bool: (data & 0x4000000) !== 0,
        }
      }
      case 'ptr':
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
        return { kind, id, name, type: sizeOrType }
      case 'array': {
        this.need(12, 'its element type and count')
        return { kind, id, name, type: this.take32(), indexType: this.take32(), count: this.take32() }
      }
      case 'struct':
      case 'union':
        return { kind, id, name, size: sizeOrType, kindFlag, members: this.members(vlen, kindFlag) }
      case 'enum': {
        this.need(8 * vlen, 'its enumerators')
        const values: BtfEnumerator[] = []
        for (let i = 0; i < vlen; i++) {
          const valueName = this.name(this.take32())
          const value = this.take32()
          values.push({ name: valueName, value: kindFlag ? value | 0 : value })
        }
        return { kind, id, name, size: sizeOrType, signed: kindFlag, values }
      }
      case 'enum64': {
        this.need(12 * vlen, 'its enumerators')
        const values: BtfEnumerator64[] = []
        for (let i = 0; i < vlen; i++) {
          const valueName = this.name(this.take32())
          const low = this.take32()
          const value = (BigInt(this.take32()) << 32n) | BigInt(low)
          values.push({ name: valueName, value: kindFlag ? BigInt.asIntN(64, value) : value })
        }
        return { kind, id, name, size: sizeOrType, signed: kindFlag, values }
      }
      case 'fwd':
        return { kind, id, name, target: kindFlag ? 'union' : 'struct' }
      case 'func':
        return { kind, id, name, type: sizeOrType, linkage: this.linkage(vlen) }
      case 'func_proto': {
        this.need(8 * vlen, 'its parameters')
        const params: BtfParam[] = []
        for (let i = 0; i < vlen; i++) params.push({ name: this.name(this.take32()), type: this.take32() })
        const last = params.at(-1)
        const variadic = last !== undefined && last.type === 0 && last.name === ''
        if (variadic) params.pop()
        return { kind, id, name, returnType: sizeOrType, params, variadic }
      }
      case 'var':
        this.need(4, 'its linkage')
        return { kind, id, name, type: sizeOrType, linkage: this.linkage(this.take32()) }
      case 'datasec': {
        this.need(12 * vlen, 'its variables')
        const variables: BtfSectionVariable[] = []
        for (let i = 0; i < vlen; i++) {
          variables.push({ type: this.take32(), offset: this.take32(), size: this.take32() })
        }
        return { kind, id, name, size: sizeOrType, variables }
      }
      case 'float':
        return { kind, id, name, size: sizeOrType }
      case 'decl_tag':
        this.need(4, 'its component index')
        return { kind, id, name, type: sizeOrType, componentIndex: this.take32() | 0, attribute: kindFlag }
      case 'type_tag':
        return { kind, id, name, type: sizeOrType, attribute: kindFlag }
      default:
        return this.unknown(name, kindNumber, kindFlag, vlen, sizeOrType)
    }
  }

  private members(count: number, kindFlag: boolean): BtfMember[] {
    this.need(12 * count, 'its members')
    const members: BtfMember[] = []
    for (let i = 0; i < count; i++) {
      const name = this.name(this.take32())
      const type = this.take32()
      const offset = this.take32()
      members.push(
        kindFlag
          ? { name, type, bitOffset: offset & 0xffffff, bitSize: offset >>> 24 }
          : { name, type, bitOffset: offset, bitSize: 0 },
      )
    }
    return members
  }

  /* struct btf_layout: info_sz u8 (bytes after the type's header) | elem_sz u8 (bytes for each of vlen) | flags u16 */
  private unknown(name: string, kindNumber: number, kindFlag: boolean, count: number, sizeOrType: number): BtfType {
    const { layout } = this.header
    if (kindNumber === 0 || layout === undefined || 4 * kindNumber + 4 > layout.length) {
      throw new AnybpfError('ERR_BTF', `BTF type ${this.id}: kind ${kindNumber} is not known`)
    }
    const length = layout[4 * kindNumber]! + count * layout[4 * kindNumber + 1]!
    this.need(length, 'the record that the layout section gives it')
    const { types } = this.header
    const data = types.subarray(this.offset, this.offset + length)
    this.offset += length
    return { kind: 'unknown', id: this.id, name, kindNumber, kindFlag, count, sizeOrType, data }
  }

  private linkage(value: number): BtfLinkage {
    const linkage = LINKAGES[value]
    if (linkage === undefined) throw new AnybpfError('ERR_BTF', `BTF type ${this.id}: linkage ${value} is not known`)
    return linkage
  }

  private name(offset: number): string {
    if (offset === 0) return ''
    if (offset < this.baseStringsLength) return this.base!.stringAt(offset)
    try {
      return this.strings.at(offset - this.baseStringsLength)
    } catch (cause) {
      if (!(cause instanceof AnybpfError)) throw cause
      throw new AnybpfError(cause.code, `BTF type ${this.id}: ${cause.message}`, { cause })
    }
  }

  private need(length: number, what: string): void {
    if (this.offset + length > this.view.byteLength) {
      throw new AnybpfError('ERR_BTF', `BTF type ${this.id} is cut short: ${what} needs ${length} bytes`)
    }
  }

  private u32(at: number): number {
    return this.view.getUint32(this.offset + at, this.little)
  }

  private take32(): number {
    const value = this.view.getUint32(this.offset, this.little)
    this.offset += 4
    return value
  }
}
