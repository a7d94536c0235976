/**
 * Bytes of a WebAssembly module, written one after another: LEB128 numbers, names, sections.
 * @see https://webassembly.github.io/spec/core/binary/conventions.html
 * @module
 */
import { encodeUtf8 } from '../../util/index.ts'

export class WasmBytes {
  length = 0
  private bytes: Uint8Array

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity)
  }

  private reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return
    const larger = new Uint8Array(Math.max(2 * this.bytes.length, this.length + count))
    larger.set(this.bytes.subarray(0, this.length))
    this.bytes = larger
  }

  byte(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1)
    this.bytes[this.length++] = value
  }

  /** An unsigned number of up to 32 bits. */
  u32(value: number): void {
    let rest = value >>> 0
    if (rest <= 0x7f && this.length < this.bytes.length) {
      this.bytes[this.length++] = rest
      return
    }
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.byte(rest)
  }

  /** A signed number of 32 bits. */
  s32(value: number): void {
    let rest = value | 0
    while (rest < -64 || rest > 63) {
      this.byte((rest & 0x7f) | 0x80)
      rest >>= 7
    }
    this.byte(rest & 0x7f)
  }

  /** A signed number of 64 bits, in halves. */
  s64(low: number, high: number): void {
    let l = low | 0
    let h = high | 0
    while (h !== l >> 31 || l < -64 || l > 63) {
      this.byte((l & 0x7f) | 0x80)
      l = (l >>> 7) | (h << 25)
      h >>= 7
    }
    this.byte(l & 0x7f)
  }

  name(text: string): void {
    const encoded = encodeUtf8(text)
    this.u32(encoded.length)
    this.append(encoded)
  }

  /** Forgets what was written; the room for it stays. */
  clear(): void {
    this.length = 0
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  /** What was written; valid until more is. */
  view(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length) as Uint8Array<ArrayBuffer>
  }
}
