/**
 * Writes BTF by hand, for tests of what no compiler emits: words of the type section as they are, strings by name.
 * @module
 */
import { BTF_MAGIC } from '../../src/btf/index.ts'
import { type ByteOrder, encodeUtf8 } from '../../src/util/index.ts'

export class BtfBuilder {
  private readonly words: number[] = []
  private strings = '\0'

  /** Offset of a string in the table. */
  string(text: string): number {
    if (text === '') return 0
    const at = this.strings.length
    this.strings += `${text}\0`
    return at
  }

  /** `struct btf_type` and the words that follow it. */
  type(
    name: string,
    kind: number,
    sizeOrType: number,
    more: { vlen?: number; flag?: boolean; words?: number[] } = {},
  ): this {
    const info = ((more.flag ? 0x80000000 : 0) | (kind << 24) | (more.vlen ?? more.words?.length ?? 0)) >>> 0
    this.words.push(this.string(name), info, sizeOrType, ...(more.words ?? []))
    return this
  }

  /** The file: header of 24 bytes, or of 32 with layout records of [info size, element size]. */
  build(order: ByteOrder = 'little', layout?: readonly (readonly [number, number])[]): Uint8Array {
    const little = order === 'little'
    const headerSize = layout === undefined ? 24 : 32
    const strings = encodeUtf8(this.strings)
    const layoutSize = 4 * (layout?.length ?? 0)
    const typeSize = 4 * this.words.length
    const bytes = new Uint8Array(headerSize + typeSize + layoutSize + strings.length)
    const view = new DataView(bytes.buffer)
    view.setUint16(0, BTF_MAGIC, little)
    view.setUint8(2, 1)
    const header = [headerSize, 0, typeSize, typeSize + layoutSize, strings.length]
    if (layout !== undefined) header.push(typeSize, layoutSize)
    header.forEach((value, i) => {
      view.setUint32(4 + 4 * i, value, little)
    })
    this.words.forEach((word, i) => {
      view.setUint32(headerSize + 4 * i, word, little)
    })
    layout?.forEach(([infoSize, elementSize], i) => {
      bytes.set([infoSize, elementSize], headerSize + typeSize + 4 * i)
    })
    bytes.set(strings, headerSize + typeSize + layoutSize)
    return bytes
  }
}
