/**
 * A set of BTF types and the questions that one asks of it: by id, by name, what a type really is, how large it is.
 *
 * No question recurses, and every walk is bounded, so that a hostile type graph (cycles, very long chains) costs an
 * error and never a hang.
 * @see https://docs.kernel.org/bpf/btf.html
 * @module
 */
import { AnybpfError, type ByteOrder, type StringTable } from '../util/index.ts'
import type { BtfForm } from './form.ts'
import { NameIndex } from './name-index.ts'
import type { TypeWords } from './type-words.ts'
import type { BtfKind, BtfMember, BtfType, BtfTypeId, BtfTypeOf } from './types.ts'

/** Longest chain of typedefs, qualifiers and arrays that is followed; real chains have fewer than ten links. */
export const BTF_MAX_DEPTH = 64

export interface BtfOptions {
  readonly byteOrder: ByteOrder
  /** The BTF that this one extends: its types come first, and ids go on from there. */
  readonly base?: Btf
  /** Bytes of a pointer; 8 for BPF. */
  readonly pointerSize?: 4 | 8
  /** The strings of the file that the types come from; split BTF and `.BTF.ext` refer to them by offset. */
  readonly strings?: StringTable
  /** How that file was laid out. */
  readonly form?: BtfForm
}

/** A member found by its dotted path: where it lies from the start of the outermost struct. */
export interface BtfMemberLocation {
  readonly member: BtfMember
  /** From the start of the outermost struct, in bits. */
  readonly bitOffset: number
}

export class Btf {
  readonly byteOrder: ByteOrder
  readonly pointerSize: 4 | 8
  readonly base: Btf | undefined
  /** Number of types, `void` and those of `base` among them; ids are below it. */
  readonly length: number
  /** Where the types come from, if from a file. */
  readonly words: TypeWords | undefined
  /** How the file was laid out that they come from. */
  readonly form: BtfForm | undefined
  private readonly strings: StringTable | undefined
  private readonly known: (BtfType | undefined)[]
  private all: readonly BtfType[] | undefined
  private nameIndex: NameIndex | undefined
  private nameMap: ReadonlyMap<string, readonly BtfTypeId[]> | undefined
  private readonly sizes = new Map<BtfTypeId, number>()
  private readonly alignments = new Map<BtfTypeId, number>()

  /**
   * Of types made by hand, `types[0]` is `void` (or, with a base, `types` starts with all of `base.types`), and each
   * type's id is its index.
   */
  constructor(types: readonly BtfType[] | TypeWords, options: BtfOptions) {
    if (isTypeWords(types)) {
      this.words = types
      this.length = types.end
      this.known = []
      if (options.base === undefined) this.known.push({ kind: 'void', id: 0, name: '' })
    } else {
      this.words = undefined
      this.length = types.length
      this.known = types as BtfType[]
      this.all = types
    }
    this.byteOrder = options.byteOrder
    this.base = options.base
    this.pointerSize = options.pointerSize ?? 8
    this.strings = options.strings
    this.form = options.form
  }

  /**
   * All types in the order of their ids, `void` first (and those of `base` before this one's own). Of a file, each type
   * is made when it is asked for; this makes all of them, which takes a kernel's a third of a second. `get`, `kindOf` and
   * `nameOf` ask for one.
   */
  get types(): readonly BtfType[] {
    if (this.all !== undefined) return this.all
    const all = new Array<BtfType>(this.length)
    for (let id = 0; id < this.length; id++) all[id] = this.get(id)!
    this.all = all
    return all
  }

  /** Id of the first type that is not the base's. */
  get firstOwn(): BtfTypeId {
    return this.base?.length ?? 1
  }

  /** Bytes of all strings, the base's included: the offset at which those of a split BTF begin. */
  get stringsLength(): number {
    return (this.base?.stringsLength ?? 0) + this.ownStrings.length
  }

  /** The file's strings, without those of its base. */
  get ownStrings(): Uint8Array {
    return this.strings?.bytes ?? NO_BYTES
  }

  /** The string at an offset into the file's strings, or into its base's. Throws `ERR_BTF` if there is none. */
  stringAt(offset: number): string {
    if (offset === 0) return ''
    const inBase = this.base?.stringsLength ?? 0
    if (this.base !== undefined && offset < inBase) return this.base.stringAt(offset)
    if (this.strings === undefined) throw new AnybpfError('ERR_BTF', `BTF has no string at offset ${offset}`)
    return this.strings.at(offset - inBase)
  }

  /** The type with this id; undefined if there is none. */
  get(id: BtfTypeId): BtfType | undefined {
    const known = this.known[id]
    if (known !== undefined || this.words === undefined) return known
    // The base's types are its own objects, so that there is one of each.
    if (id < this.words.first) return this.base?.get(id)
    if (!(id < this.length) || id !== id >>> 0) return undefined
    const type = this.words.type(id)
    this.known[id] = type
    return type
  }

  /** The type with this id; throws `ERR_BTF` if there is none. */
  type(id: BtfTypeId): BtfType {
    const type = this.get(id)
    if (type === undefined) throw new AnybpfError('ERR_BTF', `BTF has no type ${id}: it has ${this.length} types`)
    return type
  }

  /** The kind of a type; of one from a file without making the type. Throws `ERR_BTF` if there is none. */
  kindOf(id: BtfTypeId): BtfKind {
    return this.isInFile(id) ? this.words!.kind(id) : this.type(id).kind
  }

  /** The name of a type; of one from a file without making the type. Throws `ERR_BTF` if there is none. */
  nameOf(id: BtfTypeId): string {
    return this.isInFile(id) ? this.words!.name(id) : this.type(id).name
  }

  /** The first type of this name, of one of these kinds if any are given. */
  find<K extends BtfKind>(name: string, ...kinds: readonly K[]): BtfTypeOf<K> | undefined
  find(name: string, ...kinds: readonly BtfKind[]): BtfType | undefined {
    for (const id of this.idsOf(name)) {
      if (kinds.length === 0 || kinds.includes(this.kindOf(id))) return this.type(id)
    }
    return undefined
  }

  /** All types of this name, in the order of their ids. */
  findAll(name: string): readonly BtfType[] {
    return this.idsOf(name).map((id) => this.type(id))
  }

  /** Ids of all types of this name, the base's first. */
  idsOf(name: string): readonly BtfTypeId[] {
    if (this.words === undefined) return this.handMadeNames().get(name) ?? []
    this.nameIndex ??= new NameIndex(this.words)
    const own = this.nameIndex.find(name)
    return this.base === undefined ? own : [...this.base.idsOf(name), ...own]
  }

  /** What a type is once typedefs, qualifiers, type tags and `var`s are peeled off. Throws `ERR_BTF` on a cycle. */
  resolve(id: BtfTypeId): BtfType {
    let type = this.type(id)
    for (let depth = 0; depth < BTF_MAX_DEPTH; depth++) {
      switch (type.kind) {
        case 'typedef':
        case 'const':
        case 'volatile':
        case 'restrict':
        case 'type_tag':
        case 'var':
          type = this.type(type.type)
          break
        default:
          return type
      }
    }
    throw new AnybpfError('ERR_BTF', `BTF type ${id} does not resolve within ${BTF_MAX_DEPTH} steps: a cycle?`)
  }

  /** Bytes that a value of this type takes. Throws `ERR_BTF` for what has no size (void, functions, declarations). */
  sizeOf(id: BtfTypeId): number {
    const known = this.sizes.get(id)
    if (known !== undefined) return known
    let elements = 1
    let at = id
    for (let depth = 0; depth < BTF_MAX_DEPTH; depth++) {
      const type = this.resolve(at)
      if (type.kind === 'array') {
        elements *= type.count
        at = type.type
        continue
      }
      const size = elements * this.sizeOfScalar(type, id)
      if (size > Number.MAX_SAFE_INTEGER) throw new AnybpfError('ERR_BTF', `size of BTF type ${id} is absurd`)
      this.sizes.set(id, size)
      return size
    }
    throw new AnybpfError('ERR_BTF', `size of BTF type ${id} is nested deeper than ${BTF_MAX_DEPTH}: a cycle?`)
  }

  /** Alignment in bytes that C gives to this type; 1 for what has no size. */
  alignOf(id: BtfTypeId): number {
    this.type(id)
    const known = this.alignments.get(id)
    if (known !== undefined && known !== UNDER_WAY) return known
    // Depth first with a stack of its own: each type is done once its parts are.
    const stack = [id]
    try {
      while (stack.length > 0) {
        const at = stack[stack.length - 1]!
        const type = this.type(at)
        if (this.alignments.get(at) === undefined) {
          this.alignments.set(at, UNDER_WAY)
          for (const part of partsOf(type)) {
            const state = this.alignments.get(part)
            if (state === UNDER_WAY) throw new AnybpfError('ERR_BTF', `BTF type ${part} contains itself`)
            if (state === undefined) stack.push(part)
          }
        } else {
          stack.pop()
          if (this.alignments.get(at) === UNDER_WAY) this.alignments.set(at, this.alignment(type))
        }
      }
    } catch (error) {
      for (const [at, state] of this.alignments) if (state === UNDER_WAY) this.alignments.delete(at)
      throw error
    }
    return this.alignments.get(id)!
  }

  /**
   * The member at a dotted path of names (`a.b`), also inside anonymous structs and unions. Undefined if there is
   * none. Bounded: at most 100,000 members are looked at.
   */
  member(id: BtfTypeId, path: string): BtfMemberLocation | undefined {
    let at = id
    let bits = 0
    let found: BtfMemberLocation | undefined
    for (const name of path.split('.')) {
      found = this.memberByName(at, name)
      if (found === undefined) return undefined
      bits += found.bitOffset
      at = found.member.type
    }
    return found && { member: found.member, bitOffset: bits }
  }

  /** The type in C's words: `struct flow`, `const char *`, `__u32[4]`, `int (*)(2 parameters)`. */
  describe(id: BtfTypeId): string {
    let declarator = ''
    let qualifiers = ''
    let at = id
    for (let depth = 0; depth < BTF_MAX_DEPTH; depth++) {
      const type = this.get(at)
      if (type === undefined) break
      switch (type.kind) {
        case 'const':
        case 'volatile':
        case 'restrict':
          qualifiers = `${qualifiers}${type.kind} `
          at = type.type
          continue
        case 'ptr':
          // The qualifiers met so far qualify the pointer itself: `int *const`.
          declarator = `*${qualifiers}${declarator}`.trimEnd()
          qualifiers = ''
          at = type.type
          continue
        case 'array':
          declarator = `${declarator.startsWith('*') ? `(${declarator})` : declarator}[${type.count}]`
          at = type.type
          continue
        case 'func_proto': {
          const params =
            type.params.length === 0
              ? 'void'
              : type.params.length === 1
                ? '1 parameter'
                : `${type.params.length} parameters`
          declarator = `${declarator.startsWith('*') ? `(${declarator})` : declarator}(${params})`
          at = type.returnType
          continue
        }
        case 'type_tag':
        case 'var':
        case 'func':
          at = type.type
          continue
        default: {
          const name = `${qualifiers}${baseName(type)}`
          return declarator === '' || declarator.startsWith('[') ? name + declarator : `${name} ${declarator}`
        }
      }
    }
    return `<type ${at}>`
  }

  private isInFile(id: BtfTypeId): boolean {
    return this.words !== undefined && id >= this.words.first && id < this.length && id === id >>> 0
  }

  private handMadeNames(): ReadonlyMap<string, readonly BtfTypeId[]> {
    if (this.nameMap !== undefined) return this.nameMap
    const names = new Map<string, BtfTypeId[]>()
    for (const { name, id } of this.types) {
      if (name === '') continue
      const same = names.get(name)
      if (same === undefined) names.set(name, [id])
      else same.push(id)
    }
    this.nameMap = names
    return names
  }

  private sizeOfScalar(type: BtfType, asked: BtfTypeId): number {
    switch (type.kind) {
      case 'int':
      case 'struct':
      case 'union':
      case 'enum':
      case 'enum64':
      case 'float':
      case 'datasec':
        return type.size
      case 'ptr':
        return this.pointerSize
      default:
        throw new AnybpfError('ERR_BTF', `BTF type ${asked} has no size: it is a ${type.kind}`)
    }
  }

  /** Of a type whose parts' alignments are known. */
  private alignment(type: BtfType): number {
    switch (type.kind) {
      case 'int':
      case 'enum':
      case 'enum64':
      case 'float':
        return Math.min(this.pointerSize, Math.max(1, type.size))
      case 'ptr':
        return this.pointerSize
      case 'struct':
      case 'union': {
        let align = 1
        for (const member of type.members) {
          const natural = this.alignments.get(member.type)!
          // A member off its natural alignment, or a size that is no multiple of it, shows that the struct is packed.
          if (member.bitSize === 0 && (member.bitOffset % (8 * natural) !== 0 || type.size % natural !== 0)) return 1
          if (natural > align) align = natural
        }
        return align
      }
      default: {
        const [part] = partsOf(type)
        return part === undefined ? 1 : this.alignments.get(part)!
      }
    }
  }

  private memberByName(id: BtfTypeId, name: string): BtfMemberLocation | undefined {
    const pending: { type: BtfType; bits: number }[] = [{ type: this.resolve(id), bits: 0 }]
    let seen = 0
    for (let i = 0; i < pending.length; i++) {
      const { type, bits } = pending[i]!
      if (type.kind !== 'struct' && type.kind !== 'union') continue
      for (const member of type.members) {
        if (++seen > MAX_MEMBERS_SEEN) return undefined
        if (member.name === name) return { member, bitOffset: bits + member.bitOffset }
        if (member.name === '') pending.push({ type: this.resolve(member.type), bits: bits + member.bitOffset })
      }
    }
    return undefined
  }
}

const NO_BYTES = new Uint8Array(0)

function isTypeWords(types: readonly BtfType[] | TypeWords): types is TypeWords {
  return !Array.isArray(types)
}

const MAX_MEMBERS_SEEN = 100_000
/** An alignment that is being worked out. */
const UNDER_WAY = 0

/** Ids of the types whose values lie inside a value of `type`. */
export function partsOf(type: BtfType): readonly BtfTypeId[] {
  switch (type.kind) {
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
    case 'var':
    case 'array':
      return [type.type]
    case 'struct':
    case 'union':
      return type.members.map((member) => member.type)
    default:
      return []
  }
}

function baseName(type: BtfType): string {
  switch (type.kind) {
    case 'void':
      return 'void'
    case 'struct':
    case 'union':
    case 'enum':
      return `${type.kind} ${type.name || '(anonymous)'}`
    case 'enum64':
      return `enum ${type.name || '(anonymous)'}`
    case 'fwd':
      return `${type.target} ${type.name}`
    default:
      return type.name || type.kind
  }
}
