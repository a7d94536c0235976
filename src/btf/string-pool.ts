/**
 * A string section under construction: each string once, as NUL-terminated UTF-8, the empty one first.
 * @module
 */
import { decodeUtf8, encodeUtf8 } from '../util/index.ts'

export class StringPool {
  private data: Uint8Array
  private length: number
  private readonly offsets = new Map<string, number>()
  private readonly inBase: number

  /** Goes on from `initial`, the strings of a file; offsets count from `inBase`. */
  constructor(initial?: Uint8Array, inBase = 0) {
    this.inBase = inBase
    // Split BTF has no empty string of its own: offset 0 is the base's.
    const start = initial ?? new Uint8Array(inBase === 0 ? 1 : 0)
    this.data = start.slice()
    this.length = start.length
    for (let at = 0; at < start.length; ) {
      let end = start.indexOf(0, at)
      if (end < 0) end = start.length
      const text = decodeUtf8(start.subarray(at, end))
      if (!this.offsets.has(text)) this.offsets.set(text, inBase + at)
      at = end + 1
    }
    this.offsets.set('', 0)
  }

  /** Offset of a string that is there already. */
  find(text: string): number | undefined {
    return this.offsets.get(text)
  }

  /** Offset of a string, which is added if it is not there. */
  add(text: string): number {
    const known = this.offsets.get(text)
    if (known !== undefined) return known
    // A NUL would end it early; no name of C has one.
    const bytes = encodeUtf8(text.replaceAll('\0', ''))
    const at = this.length
    if (at + bytes.length + 1 > this.data.length) {
      const grown = new Uint8Array(2 * (at + bytes.length + 1))
      grown.set(this.data.subarray(0, at))
      this.data = grown
    }
    this.data.set(bytes, at)
    this.data[at + bytes.length] = 0
    this.length = at + bytes.length + 1
    this.offsets.set(text, this.inBase + at)
    return this.inBase + at
  }

  /** The section as it is now. */
  bytes(): Uint8Array {
    return this.data.slice(0, this.length)
  }
}
