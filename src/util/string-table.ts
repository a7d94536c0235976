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
    const known = this.known.get(offset)
    if (known !== undefined) return known
    const bytes = this.bytes
    if (!(offset >= 0 && offset < bytes.length)) {
      throw new AnybpfError(this.code, `${this.what}: string offset ${offset} is outside its ${bytes.length} bytes`)
    }
    const text = this.read(offset)
    this.known.set(offset, text)
    return text
  }

  private read(offset: number): string {
    const bytes = this.bytes
    let end = offset
    let ascii = true
    for (; end < bytes.length; end++) {
      const byte = bytes[end]!
      if (byte === 0) break
      if (byte >= 0x80) ascii = false
    }
    if (end === bytes.length) {
      throw new AnybpfError(this.code, `${this.what}: the string at offset ${offset} is not terminated`)
    }
    this.budget -= end - offset
    if (this.budget < 0) {
      throw new AnybpfError('ERR_LIMIT', `${this.what}: its strings overlap more than any real file's do`)
    }
    // A TextDecoder call costs more than a short string.
    if (!ascii || end - offset > 64) return decodeUtf8(bytes.subarray(offset, end))
    let text = ''
    for (let i = offset; i < end; i++) text += String.fromCharCode(bytes[i]!)
    return text
  }
}
