/**
 * All types of a BTF and its bases as one array of words, in which equal names have equal offsets: two types say the same
 * if their words are equal. For work on all types at once, which has no time for an object of each.
 * @see https://docs.kernel.org/bpf/btf.html#type-encoding
 * @module
 */
import { AnybpfError } from '../util/index.ts'
import type { Btf } from './btf.ts'
import { BTF_KIND_NUMBERS, INFO_KIND_MASK, INFO_KIND_SHIFT, INFO_VLEN_MASK } from './kinds.ts'
import { HEADER_WORDS, type TypeWords } from './type-words.ts'
import type { BtfTypeId } from './types.ts'

const K = BTF_KIND_NUMBERS

/** What `forms` tells of a kind: where its references are. */
const THIRD = 1
const ARRAY = 2
const MEMBERS = 4
const PARAMS = 8
const VARIABLES = 16
/** Elements of two or three words that start with a name. */
const NAMES_2 = 32
const NAMES_3 = 64

const FORMS = new Uint8Array(INFO_KIND_MASK + 1)
for (const kind of [
  'ptr',
  'typedef',
  'volatile',
  'const',
  'restrict',
  'func',
  'var',
  'decl_tag',
  'type_tag',
] as const) {
  FORMS[K[kind]] = THIRD
}
FORMS[K.array] = ARRAY
FORMS[K.struct] = FORMS[K.union] = MEMBERS | NAMES_3
FORMS[K.func_proto] = THIRD | PARAMS | NAMES_2
FORMS[K.datasec] = VARIABLES
FORMS[K.enum] = NAMES_2
FORMS[K.enum64] = NAMES_3

export class FlatTypes {
  /** The types of all files, base first; a record of zeros stands for `void`. */
  readonly words: Uint32Array
  /** Index of each type's first word; one entry more than there are types. */
  readonly starts: Uint32Array
  /** The strings of all files, base first: names are offsets into it. */
  readonly strings: Uint8Array
  /** Number of types, `void` among them. */
  readonly length: number

  /** `btf` and its bases have to come from files or builders (`btf.words`). */
  constructor(btf: Btf) {
    const files: TypeWords[] = []
    for (let one: Btf | undefined = btf; one !== undefined; one = one.base) {
      if (one.words === undefined) throw new AnybpfError('ERR_USAGE', 'BTF has to be one that was read or built')
      files.unshift(one.words)
    }
    this.length = btf.length
    this.starts = new Uint32Array(btf.length + 1)
    this.words = new Uint32Array(HEADER_WORDS + files.reduce((sum, { words }) => sum + words.length, 0))
    this.strings = new Uint8Array(btf.stringsLength)
    let at = HEADER_WORDS
    for (const { words, starts, first, strings, stringsInBase } of files) {
      this.words.set(words, at)
      for (let i = 0; i < starts.length - 1; i++) this.starts[first + i] = at + starts[i]!
      at += words.length
      this.strings.set(strings.bytes, stringsInBase)
    }
    this.starts[btf.length] = at
    this.unifyNames()
  }

  kind(id: BtfTypeId): number {
    return (this.words[this.starts[id]! + 1]! >>> INFO_KIND_SHIFT) & INFO_KIND_MASK
  }

  /** Offset of the name; 0 if it has none. Equal names have equal ones. */
  name(id: BtfTypeId): number {
    return this.words[this.starts[id]!]!
  }

  vlen(id: BtfTypeId): number {
    return this.words[this.starts[id]! + 1]! & INFO_VLEN_MASK
  }

  /** How many types a type refers to. */
  references(id: BtfTypeId): number {
    const form = FORMS[this.kind(id)]!
    if (form === ARRAY) return 2
    return (form & THIRD) + ((form & (MEMBERS | PARAMS | VARIABLES)) === 0 ? 0 : this.vlen(id))
  }

  /** Index of the word that holds reference `i` of a type. */
  referenceWord(id: BtfTypeId, i: number): number {
    const at = this.starts[id]!
    const form = FORMS[this.kind(id)]!
    if (form & MEMBERS) return at + HEADER_WORDS + 3 * i + 1
    if (form & THIRD) return i === 0 ? at + 2 : at + HEADER_WORDS + 2 * (i - 1) + 1
    return form === ARRAY ? at + HEADER_WORDS + i : at + HEADER_WORDS + 3 * i
  }

  /** Whether two types say the same but for what they refer to. */
  isAlike(a: BtfTypeId, b: BtfTypeId): boolean {
    const { words } = this
    const from = this.starts[a]!
    const to = this.starts[b]!
    const length = this.starts[a + 1]! - from
    if (this.starts[b + 1]! - to !== length || words[from + 1] !== words[to + 1]) return false
    const form = FORMS[this.kind(a)]!
    for (let i = 0; i < length; i++) {
      if (words[from + i] !== words[to + i] && !isReference(form, i)) return false
    }
    return true
  }

  /** Of all that a type says but for what it refers to. */
  hash(id: BtfTypeId): number {
    const { words } = this
    const from = this.starts[id]!
    const length = this.starts[id + 1]! - from
    const form = FORMS[this.kind(id)]!
    let value = SEED
    for (let i = 0; i < length; i++) if (!isReference(form, i)) value = mix(value, words[from + i]!)
    return value
  }

  /** Calls `visit` with the index of each word of a type that is the offset of a name. */
  eachName(id: BtfTypeId, visit: (word: number) => void): void {
    const at = this.starts[id]!
    const end = this.starts[id + 1]!
    visit(at)
    const form = FORMS[this.kind(id)]!
    const stride = form & NAMES_3 ? 3 : form & NAMES_2 ? 2 : 0
    if (stride !== 0) for (let w = at + HEADER_WORDS; w < end; w += stride) visit(w)
  }

  /** Gives each name the offset at which it occurs first. */
  private unifyNames(): void {
    const { words } = this
    const names = new NameTable(this.strings)
    const unify = (word: number): void => {
      if (words[word] !== 0) words[word] = names.unified(words[word]!)
    }
    for (let id = 1; id < this.length; id++) this.eachName(id, unify)
  }
}

/** Whether word `i` of a record is a reference. */
function isReference(form: number, i: number): boolean {
  if (i < HEADER_WORDS) return i === 2 && (form & THIRD) !== 0
  if (form & MEMBERS) return i % 3 === 1
  if (form & PARAMS) return (i & 1) === 0
  if (form & ARRAY) return i < HEADER_WORDS + 2
  return (form & VARIABLES) !== 0 && i % 3 === 0
}

const SEED = 0x9e3779b9

/** A step of a hash over words of 32 bits: that of MurmurHash3. */
export function mix(value: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51)
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593)
  const h = value ^ k
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
}

/** Ids in chains by hash, in the order in which they were added. */
export class IdTable {
  private readonly heads: Uint32Array
  private readonly tails: Uint32Array
  private readonly following: Uint32Array
  private readonly hashes: Int32Array
  private readonly shift: number

  /** For ids from 1 to below `length`, each at most once. */
  constructor(length: number) {
    const bits = Math.max(4, 32 - Math.clz32(length))
    this.shift = 32 - bits
    this.heads = new Uint32Array(1 << bits)
    this.tails = new Uint32Array(1 << bits)
    this.following = new Uint32Array(length)
    this.hashes = new Int32Array(length)
  }

  add(hash: number, id: BtfTypeId): void {
    const slot = Math.imul(hash, SEED) >>> this.shift
    this.hashes[id] = hash
    if (this.heads[slot] === 0) this.heads[slot] = id
    else this.following[this.tails[slot]!] = id
    this.tails[slot] = id
  }

  /** The first id of this hash; 0 if there is none. */
  first(hash: number): BtfTypeId {
    return this.from(this.heads[Math.imul(hash, SEED) >>> this.shift]!, hash)
  }

  /** The one after `id`, of the same hash; 0 if there is none. */
  next(id: BtfTypeId): BtfTypeId {
    return this.from(this.following[id]!, this.hashes[id]!)
  }

  private from(id: BtfTypeId, hash: number): BtfTypeId {
    let at = id
    while (at !== 0 && this.hashes[at] !== hash) at = this.following[at]!
    return at
  }
}

/** Names as bytes: open addressing, offsets in the slots. */
class NameTable {
  private readonly bytes: Uint8Array
  /** Of each offset that was asked for: where its name occurs first, + 1. */
  private readonly known: Uint32Array
  private slots = new Uint32Array(1 << 12)
  private hashes = new Int32Array(1 << 12)
  private count = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.known = new Uint32Array(bytes.length)
  }

  unified(offset: number): number {
    const known = this.known[offset]!
    if (known !== 0) return known - 1
    const found = this.find(offset)
    this.known[offset] = found + 1
    return found
  }

  private find(offset: number): number {
    const { bytes } = this
    if (bytes[offset] === 0) return 0
    let value = 0x811c9dc5
    for (let i = offset; bytes[i] !== 0; i++) value = Math.imul(value ^ bytes[i]!, 0x01000193)
    value ^= value >>> 15
    const mask = this.slots.length - 1
    let slot = value & mask
    for (; this.slots[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.hashes[slot] === value && isSameName(bytes, this.slots[slot]!, offset)) return this.slots[slot]!
    }
    this.slots[slot] = offset
    this.hashes[slot] = value
    if (2 * ++this.count > this.slots.length) this.grow()
    return offset
  }

  private grow(): void {
    const { slots, hashes } = this
    const mask = 2 * slots.length - 1
    this.slots = new Uint32Array(2 * slots.length)
    this.hashes = new Int32Array(2 * slots.length)
    for (let i = 0; i < slots.length; i++) {
      if (slots[i] === 0) continue
      let slot = hashes[i]! & mask
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask
      this.slots[slot] = slots[i]!
      this.hashes[slot] = hashes[i]!
    }
  }
}

function isSameName(bytes: Uint8Array, a: number, b: number): boolean {
  let i = 0
  while (bytes[a + i] === bytes[b + i]) if (bytes[a + i++] === 0) return true
  return false
}
