/**
 * Types as they lie in a file: an array of 32-bit words, and where in it each type starts. A kernel has more than a
 * hundred thousand types, of which a program needs a few; so a file is checked as words, and a type becomes an object
 * when somebody asks for it.
 * @see https://docs.kernel.org/bpf/btf.html#type-encoding
 * @module
 */
import { AnybpfError, type StringTable } from '../util/index.ts'
import { INFO_KIND_MASK, INFO_KIND_SHIFT, INFO_VLEN_MASK } from './kinds.ts'
import {
  BTF_KINDS,
  type BtfEnumerator,
  type BtfEnumerator64,
  type BtfKind,
  type BtfLinkage,
  type BtfMember,
  type BtfParam,
  type BtfSectionVariable,
  type BtfType,
  type BtfTypeId,
} from './types.ts'

/** Words of `struct btf_type`. */
export const HEADER_WORDS = 3

export const LINKAGES: readonly BtfLinkage[] = ['static', 'global', 'extern']

/** What types need to know of those that come before them: a `Btf` is one. */
export interface TypeBase {
  /** Number of types, `void` among them: the id of the next. */
  readonly length: number
  /** Bytes of all strings. */
  readonly stringsLength: number
  kindOf(id: BtfTypeId): BtfKind
  stringAt(offset: number): string
}

export interface TypeWordsOptions {
  readonly words: Uint32Array
  /** Index of each type's first word; one entry more than there are types. */
  readonly starts: Uint32Array
  readonly strings: StringTable
  readonly base?: TypeBase | undefined
  readonly little: boolean
}

/** The types of one file (those of its base not among them), decoded one at a time. */
export class TypeWords {
  readonly words: Uint32Array
  readonly starts: Uint32Array
  readonly strings: StringTable
  readonly base: TypeBase | undefined
  /** Id of the first type. */
  readonly first: BtfTypeId
  /** Ids that exist: those of the base, `void`, and these. */
  readonly end: BtfTypeId
  private readonly little: boolean
  /** Bytes of the base's strings: names from there on lie in the file's own. */
  readonly stringsInBase: number

  constructor({ words, starts, strings, base, little }: TypeWordsOptions) {
    this.words = words
    this.starts = starts
    this.strings = strings
    this.base = base
    this.little = little
    this.first = base?.length ?? 1
    this.end = this.first + starts.length - 1
    this.stringsInBase = base?.stringsLength ?? 0
  }

  /** Index of the first word of a type of this file. */
  start(id: BtfTypeId): number {
    return this.starts[id - this.first]!
  }

  /** The number of the kind of any type that exists, the base's included. */
  kindNumber(id: BtfTypeId): number {
    if (id >= this.first) return (this.words[this.start(id) + 1]! >>> INFO_KIND_SHIFT) & INFO_KIND_MASK
    const kind = this.base === undefined ? 'void' : this.base.kindOf(id)
    return BTF_KINDS.indexOf(kind as (typeof BTF_KINDS)[number])
  }

  kind(id: BtfTypeId): BtfKind {
    return BTF_KINDS[this.kindNumber(id)] ?? 'unknown'
  }

  vlen(id: BtfTypeId): number {
    return this.words[this.start(id) + 1]! & INFO_VLEN_MASK
  }

  name(id: BtfTypeId): string {
    return this.nameAt(this.words[this.start(id)]!)
  }

  nameAt(offset: number): string {
    if (offset === 0) return ''
    if (offset < this.stringsInBase) return this.base!.stringAt(offset)
    return this.strings.at(offset - this.stringsInBase)
  }

  /** Decodes one type of this file. */
  type(id: BtfTypeId): BtfType {
    const { words } = this
    const at = this.start(id)
    const name = this.nameAt(words[at]!)
    const info = words[at + 1]!
    const third = words[at + 2]!
    const vlen = info & INFO_VLEN_MASK
    const flag = info >>> 31 !== 0
    const more = at + HEADER_WORDS
    const kindNumber = (info >>> INFO_KIND_SHIFT) & INFO_KIND_MASK
    const kind = BTF_KINDS[kindNumber]
    switch (kind) {
      case 'int': {
        const data = words[more]!
        const [signed, char, bool] = [(data & 0x1000000) !== 0, (data & 0x2000000) !== 0, (data & 0x4000000) !== 0]
        return { kind, id, name, size: third, bits: data & 0xff, offset: (data >>> 16) & 0xff, signed, char, bool }
      }
      case 'ptr':
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
        return { kind, id, name, type: third }
      case 'array':
        return { kind, id, name, type: words[more]!, indexType: words[more + 1]!, count: words[more + 2]! }
      case 'struct':
      case 'union':
        return { kind, id, name, size: third, kindFlag: flag, members: this.members(more, vlen, flag) }
      case 'enum': {
        const values: BtfEnumerator[] = []
        for (let i = 0, w = more; i < vlen; i++, w += 2) {
          values.push({ name: this.nameAt(words[w]!), value: flag ? words[w + 1]! | 0 : words[w + 1]! })
        }
        return { kind, id, name, size: third, signed: flag, values }
      }
      case 'enum64': {
        const values: BtfEnumerator64[] = []
        for (let i = 0, w = more; i < vlen; i++, w += 3) {
          const value = (BigInt(words[w + 2]!) << 32n) | BigInt(words[w + 1]!)
          values.push({ name: this.nameAt(words[w]!), value: flag ? BigInt.asIntN(64, value) : value })
        }
        return { kind, id, name, size: third, signed: flag, values }
      }
      case 'fwd':
        return { kind, id, name, target: flag ? 'union' : 'struct' }
      case 'func':
        return { kind, id, name, type: third, linkage: LINKAGES[vlen]! }
      case 'func_proto': {
        const params: BtfParam[] = []
        for (let i = 0, w = more; i < vlen; i++, w += 2)
          params.push({ name: this.nameAt(words[w]!), type: words[w + 1]! })
        const last = params.at(-1)
        const variadic = last !== undefined && last.type === 0 && last.name === ''
        if (variadic) params.pop()
        return { kind, id, name, returnType: third, params, variadic }
      }
      case 'var':
        return { kind, id, name, type: third, linkage: LINKAGES[words[more]!]! }
      case 'datasec': {
        const variables: BtfSectionVariable[] = []
        for (let i = 0, w = more; i < vlen; i++, w += 3) {
          variables.push({ type: words[w]!, offset: words[w + 1]!, size: words[w + 2]! })
        }
        return { kind, id, name, size: third, variables }
      }
      case 'float':
        return { kind, id, name, size: third }
      case 'decl_tag':
        return { kind, id, name, type: third, componentIndex: words[more]! | 0, attribute: flag }
      case 'type_tag':
        return { kind, id, name, type: third, attribute: flag }
      default: {
        const data = wordsToBytes(words.subarray(more, this.starts[id - this.first + 1]!), this.little)
        return { kind: 'unknown', id, name, kindNumber, kindFlag: flag, count: vlen, sizeOrType: third, data }
      }
    }
  }

  private members(from: number, count: number, flag: boolean): BtfMember[] {
    const { words } = this
    const members: BtfMember[] = []
    for (let i = 0, w = from; i < count; i++, w += 3) {
      const name = this.nameAt(words[w]!)
      const offset = words[w + 2]!
      const bitOffset = flag ? offset & 0xffffff : offset
      members.push({ name, type: words[w + 1]!, bitOffset, bitSize: flag ? offset >>> 24 : 0 })
    }
    return members
  }
}

const HOST_IS_LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** Bytes as 32-bit words in their byte order; their number has to be a multiple of 4. */
export function bytesToWords(bytes: Uint8Array, little: boolean): Uint32Array {
  // Copied at one go where the machine has that byte order: a kernel's types are a million words.
  if (little === HOST_IS_LITTLE) return new Uint32Array(new Uint8Array(bytes).buffer)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const words = new Uint32Array(bytes.length >>> 2)
  for (let i = 0; i < words.length; i++) words[i] = view.getUint32(4 * i, little)
  return words
}

export function wordsToBytes(words: Uint32Array, little: boolean): Uint8Array {
  if (little === HOST_IS_LITTLE) return new Uint8Array(new Uint32Array(words).buffer)
  const bytes = new Uint8Array(4 * words.length)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < words.length; i++) view.setUint32(4 * i, words[i]!, little)
  return bytes
}

/** An error about one type, as messages give it: `BTF type 4 (struct "s"): …`. */
export function typeError(id: BtfTypeId, kind: string, name: string, what: string): AnybpfError {
  const named = name === '' ? '' : ` ${JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name)}`
  return new AnybpfError('ERR_BTF', `BTF type ${id} (${kind}${named}): ${what}`)
}
