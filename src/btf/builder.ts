/**
 * Makes BTF from code: types are added one by one and may refer to later ones; `build` checks all of them.
 * @module
 */
import { AnybpfError, type ByteOrder, StringTable } from '../util/index.ts'
import { Btf } from './btf.ts'
import { checkShape } from './check-btf.ts'
import { checkReferences } from './check-references.ts'
import { stringsOf } from './emit-btf.ts'
import { encodeTypes } from './encode-types.ts'
import { withReferences } from './references.ts'
import { BTF_MAX_TYPES, scanTypes } from './scan-types.ts'
import { StringPool } from './string-pool.ts'
import { TypeWords } from './type-words.ts'
import type {
  BtfEnumerator,
  BtfEnumerator64,
  BtfLinkage,
  BtfParam,
  BtfSectionVariable,
  BtfType,
  BtfTypeId,
} from './types.ts'

/** A type without the id, which it gets where it is added. */
export type NewBtfType<T extends BtfType = BtfType> = T extends BtfType ? Omit<T, 'id'> : never

export interface BtfBuilderOptions {
  readonly byteOrder?: ByteOrder
  /** BTF to extend: one that was read or built. */
  readonly base?: Btf
  readonly pointerSize?: 4 | 8
}

/** A member as a caller gives it: `bitOffset` from the start of the struct in bits, `bitSize` of a bit field. */
export interface NewBtfMember {
  readonly name: string
  readonly type: BtfTypeId
  readonly bitOffset: number
  readonly bitSize?: number
}

export class BtfBuilder {
  readonly byteOrder: ByteOrder
  readonly base: Btf | undefined
  private readonly pointerSize: 4 | 8
  private readonly first: BtfTypeId
  private readonly types: BtfType[] = []
  private readonly strings: string[] = []

  constructor(options: BtfBuilderOptions = {}) {
    this.base = options.base
    this.byteOrder = options.byteOrder ?? options.base?.byteOrder ?? 'little'
    this.pointerSize = options.pointerSize ?? options.base?.pointerSize ?? 8
    this.first = options.base?.length ?? 1
    if (options.base !== undefined && options.base.words === undefined) {
      throw new AnybpfError('ERR_USAGE', 'the base of a split BTF has to be one that was read or built')
    }
    if (options.base !== undefined && options.base.byteOrder !== this.byteOrder) {
      throw new AnybpfError('ERR_USAGE', 'split BTF has the byte order of its base')
    }
  }

  /** The id that the next type gets: types may refer to those that come later. */
  get nextId(): BtfTypeId {
    return this.first + this.types.length
  }

  /** Adds a type; gives its id. Throws `ERR_BTF` if a field is not what it has to be. */
  add(type: NewBtfType): BtfTypeId {
    const id = this.nextId
    const made = { ...type, id } as BtfType
    checkShape(made, id)
    if (made.kind === 'void') throw new AnybpfError('ERR_BTF', 'void is type 0 and cannot be added')
    if (id > BTF_MAX_TYPES) throw new AnybpfError('ERR_LIMIT', `BTF has more than ${BTF_MAX_TYPES} types`)
    this.types.push(made)
    return id
  }

  /** A string that no type has and `.BTF.ext` refers to: the name of a section or file, a line's text. */
  string(text: string): void {
    this.strings.push(text)
  }

  /**
   * Adds all types of another BTF (those of its base not among them); gives the new id of each of its ids. Types of a base
   * that both have keep theirs.
   */
  addAll(other: Btf): (id: BtfTypeId) => BtfTypeId {
    if (other.base !== undefined && other.base !== this.base) {
      throw new AnybpfError('ERR_USAGE', 'split BTF can only be added where its base is the base')
    }
    const from = other.firstOwn
    const moved = this.nextId - from
    const map = (id: BtfTypeId): BtfTypeId => (id < from ? id : id + moved)
    for (let id = from; id < other.length; id++) this.add(withReferences(other.type(id), map))
    return map
  }

  /** An integer of `size` bytes; `bits` is all of them by default. */
  int(
    name: string,
    size: number,
    {
      signed = false,
      char = false,
      bool = false,
      bits = 8 * size,
      offset = 0,
    }: {
      readonly signed?: boolean
      readonly char?: boolean
      readonly bool?: boolean
      readonly bits?: number
      readonly offset?: number
    } = {},
  ): BtfTypeId {
    return this.add({ kind: 'int', name, size, signed, char, bool, bits, offset })
  }

  float(name: string, size: number): BtfTypeId {
    return this.add({ kind: 'float', name, size })
  }

  ptr(type: BtfTypeId): BtfTypeId {
    return this.add({ kind: 'ptr', name: '', type })
  }

  const(type: BtfTypeId): BtfTypeId {
    return this.add({ kind: 'const', name: '', type })
  }

  volatile(type: BtfTypeId): BtfTypeId {
    return this.add({ kind: 'volatile', name: '', type })
  }

  restrict(type: BtfTypeId): BtfTypeId {
    return this.add({ kind: 'restrict', name: '', type })
  }

  typedef(name: string, type: BtfTypeId): BtfTypeId {
    return this.add({ kind: 'typedef', name, type })
  }

  array(type: BtfTypeId, count: number, indexType: BtfTypeId): BtfTypeId {
    return this.add({ kind: 'array', name: '', type, indexType, count })
  }

  struct(name: string, size: number, members: readonly NewBtfMember[]): BtfTypeId {
    return this.composite('struct', name, size, members)
  }

  union(name: string, size: number, members: readonly NewBtfMember[]): BtfTypeId {
    return this.composite('union', name, size, members)
  }

  enum(name: string, values: readonly BtfEnumerator[], { size = 4, signed = false } = {}): BtfTypeId {
    return this.add({ kind: 'enum', name, size, signed, values })
  }

  enum64(name: string, values: readonly BtfEnumerator64[], { size = 8, signed = false } = {}): BtfTypeId {
    return this.add({ kind: 'enum64', name, size, signed, values })
  }

  fwd(name: string, target: 'struct' | 'union'): BtfTypeId {
    return this.add({ kind: 'fwd', name, target })
  }

  funcProto(returnType: BtfTypeId, params: readonly BtfParam[], variadic = false): BtfTypeId {
    return this.add({ kind: 'func_proto', name: '', returnType, params, variadic })
  }

  func(name: string, prototype: BtfTypeId, linkage: BtfLinkage = 'global'): BtfTypeId {
    return this.add({ kind: 'func', name, type: prototype, linkage })
  }

  var(name: string, type: BtfTypeId, linkage: BtfLinkage = 'global'): BtfTypeId {
    return this.add({ kind: 'var', name, type, linkage })
  }

  datasec(name: string, size: number, variables: readonly BtfSectionVariable[]): BtfTypeId {
    return this.add({ kind: 'datasec', name, size, variables })
  }

  /** A tag on a type, or with `component` on one of its members or parameters. */
  declTag(name: string, type: BtfTypeId, component = -1, attribute = false): BtfTypeId {
    return this.add({ kind: 'decl_tag', name, type, componentIndex: component, attribute })
  }

  typeTag(name: string, type: BtfTypeId, attribute = false): BtfTypeId {
    return this.add({ kind: 'type_tag', name, type, attribute })
  }

  /** The types added so far, each name once in the strings. Throws `ERR_BTF` at the first thing wrong. */
  build(): Btf {
    const { base, byteOrder, pointerSize } = this
    const little = byteOrder === 'little'
    const pool = new StringPool(undefined, base?.stringsLength ?? 0)
    const inBase = base === undefined ? undefined : stringsOf(base)
    const { words } = encodeTypes(this.types, (name) => inBase?.(name) ?? pool.add(name), little)
    for (const text of this.strings) if (inBase?.(text) === undefined) pool.add(text)
    const strings = new StringTable(pool.bytes(), 'ERR_BTF', 'BTF strings')
    const starts = scanTypes({ words, strings, base })
    const types = new TypeWords({ words, starts, strings, base, little })
    checkReferences(types)
    return new Btf(types, { byteOrder, pointerSize, strings, ...(base && { base }) })
  }

  private composite(kind: 'struct' | 'union', name: string, size: number, members: readonly NewBtfMember[]): BtfTypeId {
    const kindFlag = members.some((member) => (member.bitSize ?? 0) > 0)
    return this.add({ kind, name, size, kindFlag, members: members.map((member) => ({ bitSize: 0, ...member })) })
  }
}
