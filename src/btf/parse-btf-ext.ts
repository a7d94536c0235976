/**
 * Reads the `.BTF.ext` section: for each section of code, which function and which source line its instructions
 * belong to, and the CO-RE relocations. Records may be longer than this reader knows: their size is in the file.
 * @see https://docs.kernel.org/bpf/btf.html#btf-ext-section
 * @module
 */
import { AnybpfError } from '../util/index.ts'
import type { Btf } from './btf.ts'
import { BTF_MAGIC, BTF_VERSION } from './parse-btf.ts'
import type { BtfTypeId } from './types.ts'

export interface BtfFuncInfo {
  /** Bytes from the start of the section. */
  readonly offset: number
  readonly type: BtfTypeId
  /** What the record has beyond what is known here. */
  readonly extra?: Uint8Array
}

export interface BtfLineInfo {
  /** Bytes from the start of the section. */
  readonly offset: number
  readonly file: string
  readonly line: number
  readonly column: number
  readonly text: string
  /** What the record has beyond what is known here. */
  readonly extra?: Uint8Array
}

export interface BtfCoreRelocation {
  /** Bytes from the start of the section. */
  readonly offset: number
  readonly type: BtfTypeId
  readonly access: string
  /** `enum bpf_core_relo_kind`. */
  readonly kind: number
  /** What the record has beyond what is known here. */
  readonly extra?: Uint8Array
}

/** By name of the section of code; the records in the order of the file. */
export interface BtfExt {
  readonly functions: ReadonlyMap<string, readonly BtfFuncInfo[]>
  readonly lines: ReadonlyMap<string, readonly BtfLineInfo[]>
  readonly coreRelocations: ReadonlyMap<string, readonly BtfCoreRelocation[]>
  /** How the file was laid out that they come from. */
  readonly form?: BtfExtForm
}

/** Bytes of a record of each kind; 0 where there is not even a list of them. */
export interface BtfExtForm {
  readonly flags: number
  /** Bytes of the header: 24, 32 with CO-RE, or more. */
  readonly headerSize: number
  readonly unknownHeader: Uint8Array
  readonly funcInfoSize: number
  readonly lineInfoSize: number
  readonly coreRelocationSize: number
  /** What lies behind all records, as gcc leaves the size of records of which there are none. */
  readonly trailing?: Uint8Array
}

/** Bytes of the records that are known here. */
export const FUNC_INFO_SIZE = 8
export const LINE_INFO_SIZE = 16
export const CORE_RELOCATION_SIZE = 16

export const EXT_HEADER_SIZE = 24
export const EXT_CORE_HEADER_SIZE = 32
export const COLUMN_MASK = 0x3ff
export const LINE_SHIFT = 10

/** Reads `.BTF.ext`; strings are looked up in `btf`. Throws `ERR_BTF` with the place of what is wrong. */
export function parseBtfExt(bytes: Uint8Array, btf: Btf): BtfExt {
  if (bytes.length < EXT_HEADER_SIZE) throw new AnybpfError('ERR_BTF', `.BTF.ext is cut short: ${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const little = btf.byteOrder === 'little'
  if (view.getUint16(0, little) !== BTF_MAGIC) {
    throw new AnybpfError('ERR_BTF', '.BTF.ext does not start with the magic number, in the byte order of .BTF')
  }
  if (bytes[2] !== BTF_VERSION) throw new AnybpfError('ERR_BTF', `.BTF.ext version ${bytes[2]} is not known`)
  const headerSize = view.getUint32(4, little)
  if (headerSize < EXT_HEADER_SIZE || headerSize > bytes.length) {
    throw new AnybpfError('ERR_BTF', `.BTF.ext header of ${headerSize} bytes, in ${bytes.length} bytes`)
  }
  let end = headerSize
  const read = <T extends object>(field: number, what: string, size: number, record: (at: number) => T): Info<T> => {
    const start = headerSize + view.getUint32(field, little)
    const length = view.getUint32(field + 4, little)
    if (start + length > bytes.length) {
      throw new AnybpfError('ERR_BTF', `.BTF.ext ${what} end at ${start + length}, beyond ${bytes.length} bytes`)
    }
    end = Math.max(end, length === 0 ? 0 : start + length)
    return readInfo({ view, little, start, end: start + length, what, minimum: size, btf }, record)
  }
  const u32 = (at: number): number => view.getUint32(at, little)
  const functions = read(8, 'function records', FUNC_INFO_SIZE, (at) => ({ offset: u32(at), type: u32(at + 4) }))
  const lines = read(16, 'line records', LINE_INFO_SIZE, (at) => {
    const position = u32(at + 12)
    return {
      offset: u32(at),
      file: btf.stringAt(u32(at + 4)),
      text: btf.stringAt(u32(at + 8)),
      line: position >>> LINE_SHIFT,
      column: position & COLUMN_MASK,
    }
  })
  const core = headerSize >= EXT_CORE_HEADER_SIZE
  const coreRelocations: Info<BtfCoreRelocation> = !core
    ? { sections: new Map(), size: 0 }
    : read(24, 'CO-RE records', CORE_RELOCATION_SIZE, (at) => ({
        offset: u32(at),
        type: u32(at + 4),
        access: btf.stringAt(u32(at + 8)),
        kind: u32(at + 12),
      }))
  return {
    functions: functions.sections,
    lines: lines.sections,
    coreRelocations: coreRelocations.sections,
    form: {
      flags: bytes[3]!,
      headerSize,
      unknownHeader: new Uint8Array(bytes.subarray(core ? EXT_CORE_HEADER_SIZE : EXT_HEADER_SIZE, headerSize)),
      funcInfoSize: functions.size,
      lineInfoSize: lines.size,
      coreRelocationSize: coreRelocations.size,
      ...(end < bytes.length && { trailing: Uint8Array.from(bytes.subarray(end)) }),
    },
  }
}

interface Info<T> {
  readonly sections: Map<string, T[]>
  /** Bytes of a record. */
  readonly size: number
}

interface InfoPart {
  readonly view: DataView
  readonly little: boolean
  readonly start: number
  readonly end: number
  readonly what: string
  /** Bytes of a record that this reader knows. */
  readonly minimum: number
  readonly btf: Btf
}

/* record size u32, then for each section of code: name offset u32 | number of records u32 | records */
function readInfo<T extends object>(part: InfoPart, record: (at: number) => T): Info<T> {
  const { view, little, end, what } = part
  const result = new Map<string, T[]>()
  let at = part.start
  if (at === end) return { sections: result, size: 0 }
  const need = (length: number): void => {
    if (at + length > end) throw new AnybpfError('ERR_BTF', `.BTF.ext ${what} are cut short`)
  }
  need(4)
  const size = view.getUint32(at, little)
  if (size < part.minimum || size % 4 !== 0) {
    throw new AnybpfError('ERR_BTF', `.BTF.ext ${what} of ${size} bytes: at least ${part.minimum} are needed`)
  }
  at += 4
  while (at < end) {
    need(8)
    const section = part.btf.stringAt(view.getUint32(at, little))
    const count = view.getUint32(at + 4, little)
    at += 8
    need(count * size)
    let records = result.get(section)
    if (records === undefined) result.set(section, (records = []))
    const extra = size - part.minimum
    for (let i = 0; i < count; i++, at += size) {
      const known = record(at)
      const unknown = new Uint8Array(view.buffer, view.byteOffset + at + part.minimum, extra)
      records.push(extra === 0 ? known : { ...known, extra: unknown.slice() })
    }
  }
  return { sections: result, size }
}
