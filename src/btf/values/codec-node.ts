/**
 * The pieces that codecs are put together from: a node reads and writes one type at an offset.
 * @module
 */
import { AnybpfError } from '../../util/errors.ts'

/** Where bytes are read from or written to. */
export interface Cursor {
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Names and indices on the way to the value at hand; for messages. */
  readonly path: (string | number)[]
}

export interface CodecNode {
  /** Bytes. */
  readonly size: number
  /** Leaves that one decoding visits: what bounds its time. */
  readonly cost: number
  decode(cursor: Cursor, at: number): unknown
  /** Writes all of its bytes, or throws ERR_USAGE with the path. */
  encode(cursor: Cursor, at: number, value: unknown): void
}

export function createCursor(bytes: Uint8Array, root: string): Cursor {
  return {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    path: root === '' ? [] : [root],
  }
}

/** `flows.key.addr[2]: expected …, got …` */
export function mismatch(cursor: Cursor, expected: string, value: unknown): AnybpfError {
  return new AnybpfError('ERR_USAGE', `${formatPath(cursor.path)}: expected ${expected}, got ${describe(value)}`)
}

export function formatPath(path: readonly (string | number)[]): string {
  let text = ''
  for (const part of path) text += typeof part === 'number' ? `[${part}]` : text === '' ? part : `.${part}`
  return text === '' ? 'value' : text
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (Array.isArray(value)) return `an array of ${value.length}`
  return typeof value === 'object' || typeof value === 'function' ? `a ${typeof value}` : String(value)
}
