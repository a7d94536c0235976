/**
 * Finds the types of a name in a file without making a string of every name: names are hashed as bytes.
 * @module
 */
import { encodeUtf8 } from '../util/index.ts'
import type { TypeWords } from './type-words.ts'
import type { BtfTypeId } from './types.ts'

/** What a name has become that is not UTF-8. */
const REPLACEMENT = '\ufffd'

export class NameIndex {
  private readonly types: TypeWords
  /** The last type of each hash, as index + 1; 0 where there is none. */
  private readonly heads: Int32Array
  /** The type before it with the same hash. */
  private readonly previous: Int32Array
  private readonly mask: number

  constructor(types: TypeWords) {
    this.types = types
    const count = types.end - types.first
    let size = 16
    while (size < count) size *= 2
    this.mask = size - 1
    this.heads = new Int32Array(size)
    this.previous = new Int32Array(count)
    const { bytes } = types.strings
    for (let i = 0; i < count; i++) {
      const at = this.offset(i)
      if (at < 0 || bytes[at] === 0) continue
      const slot = hash(bytes, at) & this.mask
      this.previous[i] = this.heads[slot]!
      this.heads[slot] = i + 1
    }
  }

  /** Ids of the file's own types of this name, in order. */
  find(name: string): BtfTypeId[] {
    const { types } = this
    const found: BtfTypeId[] = []
    if (name === '' || name.includes('\0')) return found
    if (name.includes(REPLACEMENT)) {
      for (let id = types.first; id < types.end; id++) if (types.name(id) === name) found.push(id)
      return found
    }
    const wanted = new Uint8Array([...encodeUtf8(name), 0])
    const { bytes } = types.strings
    for (let i = this.heads[hash(wanted, 0) & this.mask]!; i !== 0; i = this.previous[i - 1]!) {
      if (startsWith(bytes, this.offset(i - 1), wanted)) found.push(types.first + i - 1)
    }
    // A name of the base is not hashed here: its types may have it, and so may these.
    for (const i of this.namedInBase(name)) found.push(types.first + i)
    return found.sort((a, b) => a - b)
  }

  private baseNames: Map<string, number[]> | undefined

  /** Types of a split BTF whose names lie in its base's strings. */
  private namedInBase(name: string): readonly number[] {
    const { types } = this
    if (types.base === undefined) return []
    if (this.baseNames === undefined) {
      const names = new Map<string, number[]>()
      for (let id = types.first; id < types.end; id++) {
        if (this.offset(id - types.first) >= 0) continue
        const key = types.name(id)
        const same = names.get(key)
        if (same === undefined) names.set(key, [id - types.first])
        else same.push(id - types.first)
      }
      this.baseNames = names
    }
    return this.baseNames.get(name) ?? []
  }

  /** Of a type's name in the file's own strings; negative for one in the base's. */
  private offset(i: number): number {
    return this.types.words[this.types.starts[i]!]! - this.types.stringsInBase
  }
}

/** FNV-1a of the bytes up to the next NUL. */
function hash(bytes: Uint8Array, at: number): number {
  let value = 0x811c9dc5
  for (let i = at; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (byte === 0) break
    value = Math.imul(value ^ byte, 0x01000193)
  }
  return value ^ (value >>> 15)
}

function startsWith(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false
  return true
}
