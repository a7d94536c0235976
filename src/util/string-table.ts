/**
 * A table of NUL-terminated strings, as ELF and BTF have it, read by offset.
 *
 * Strings are decoded once each. A file may point many records into the middle of one long string, which would cost
 * the square of its length; so the characters decoded in all are bounded by a multiple of the table's size, which
 * no real file comes near (linkers share only common endings).
 * @module
 */
import { decodeUtf8 } from './bytes.ts'
import { AnybpfError, type ErrorCode } from './errors.ts'

const SHARING_FACTOR = 16
const SHARING_SLACK = 65_536

export class StringTable {
  readonly bytes: Uint8Array
  private readonly code: ErrorCode
  private readonly what: string
  private readonly known = new Map<number, string>()
  private budget: number

  /** `what` names the table in errors: `section .strtab`. */
  constructor(bytes: Uint8Array, code: ErrorCode, what: string) {
    this.bytes = bytes
    this.code = code
    this.what = what
    this.budget = SHARING_FACTOR * bytes.length + SHARING_SLACK
  }

  /** The string at `offset`. Throws the table's code if it starts outside the table or does not end in it. */
  at(offset: number): string {
    const text = this.find(offset)
    if (text !== undefined) return text
    const { length } = this.bytes
    const problem =
      offset >= 0 && offset < length
        ? `the string at offset ${offset} is not terminated`
        : `string offset ${offset} is outside its ${length} bytes`
    throw new AnybpfError(this.code, `${this.what}: ${problem}`)
  }

  /** The string at `offset`; undefined if there is none: what `at` throws for, without the cost of an error. */
  find(offset: number): string | undefined {
    const known = this.known.get(offset)
    if (known !== undefined) return known
    if (!(offset >= 0 && offset < this.bytes.length)) return undefined
    const text = this.read(offset)
    if (text !== undefined) this.known.set(offset, text)
    return text
  }

  private read(offset: number): string | undefined {
    const bytes = this.bytes
    let end = offset
    let ascii = true
    for (; end < bytes.length; end++) {
      const byte = bytes[end]!
      if (byte === 0) break
      if (byte >= 0x80) ascii = false
    }
    // Also where no end is found: looking for it costs the same.
    this.budget -= end - offset
    if (this.budget < 0) {
      throw new AnybpfError('ERR_LIMIT', `${this.what}: its strings overlap more than any real file's do`)
    }
    if (end === bytes.length) return undefined
    // A TextDecoder call costs more than a short string.
    if (!ascii || end - offset > 64) return decodeUtf8(bytes.subarray(offset, end))
    let text = ''
    for (let i = offset; i < end; i++) text += String.fromCharCode(bytes[i]!)
    return text
  }
}
