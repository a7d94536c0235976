/**
 * Some types of a file as a file of their own, as words: those that stand for all, once repetitions are found.
 * @module
 */
import { StringTable } from '../util/index.ts'
import { Btf } from './btf.ts'
import { checkReferences } from './check-references.ts'
import type { FlatTypes } from './flat-types.ts'
import { TypeWords } from './type-words.ts'
import type { BtfTypeId } from './types.ts'

/**
 * The own types of `btf` for which `isKept` holds, in their order; every reference becomes what `ids` makes of it, so that
 * `ids` has to number the kept ones without gaps. Strings that nothing refers to are left out.
 */
export function compactTypes(btf: Btf, flat: FlatTypes, ids: Uint32Array, isKept: (id: BtfTypeId) => boolean): Btf {
  const { base, byteOrder, pointerSize } = btf
  const first = btf.firstOwn
  let [count, length] = [0, 0]
  for (let id = first; id < btf.length; id++) {
    if (!isKept(id)) continue
    count++
    length += flat.starts[id + 1]! - flat.starts[id]!
  }
  const words = new Uint32Array(length)
  const starts = new Uint32Array(count + 1)
  const names = new NameWriter(flat.strings, base?.stringsLength ?? 0)
  let [index, at, moved] = [0, 0, 0]
  const rename = (word: number): void => {
    words[word - moved] = names.offset(flat.words[word]!)
  }
  for (let id = first; id < btf.length; id++) {
    if (!isKept(id)) continue
    const from = flat.starts[id]!
    const end = flat.starts[id + 1]!
    starts[index++] = at
    words.set(flat.words.subarray(from, end), at)
    moved = from - at
    const references = flat.references(id)
    for (let i = 0; i < references; i++) {
      const word = flat.referenceWord(id, i)
      words[word - moved] = ids[flat.words[word]!]!
    }
    flat.eachName(id, rename)
    at += end - from
  }
  starts[count] = length
  const strings = new StringTable(names.bytes(), 'ERR_BTF', 'BTF strings')
  const types = new TypeWords({ words, starts, strings, base, little: byteOrder === 'little' })
  checkReferences(types)
  return new Btf(types, { byteOrder, pointerSize, strings, ...(base && { base }) })
}

/** Copies the strings that are needed, in the order in which they are; those of a base stay where they are. */
class NameWriter {
  private readonly strings: Uint8Array
  private readonly inBase: number
  /** The new offset of each old one; 0 where it has none. */
  private readonly offsets: Uint32Array
  private data: Uint8Array
  private length: number

  constructor(strings: Uint8Array, inBase: number) {
    this.strings = strings
    this.inBase = inBase
    this.offsets = new Uint32Array(strings.length - inBase)
    // Split BTF has no empty string of its own: offset 0 is the base's.
    this.length = inBase === 0 ? 1 : 0
    this.data = new Uint8Array(Math.max(1, strings.length - inBase))
  }

  /** The new offset of the string at an old one, where equal strings have equal offsets. */
  offset(old: number): number {
    if (old < this.inBase || old === 0) return old
    const known = this.offsets[old - this.inBase]!
    if (known !== 0) return known
    const end = this.strings.indexOf(0, old) + 1
    const at = this.length
    this.length += end - old
    if (this.length > this.data.length) {
      // Of strings that overlap, each gets a place of its own.
      const grown = new Uint8Array(2 * this.length)
      grown.set(this.data)
      this.data = grown
    }
    this.data.set(this.strings.subarray(old, end), at)
    this.offsets[old - this.inBase] = this.inBase + at
    return this.inBase + at
  }

  bytes(): Uint8Array {
    return this.data.slice(0, this.length)
  }
}
