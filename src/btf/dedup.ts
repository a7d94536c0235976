/**
 * Deduplication: of types that say the same, one stays. What many compilation units declare becomes one graph, with the
 * result that libbpf and pahole have.
 *
 * Four steps. (1) Types that refer to nothing (integers, enums, floats, forward declarations) are merged by what they say.
 * (2) A struct or union is merged with one of the same name and members if the graphs behind both are equivalent: that is tried by
 * walking both at once, with a map from this graph's types to the other's that must stay consistent; a forward declaration is
 * equivalent to a struct or union of its name, and learns from that walk what it stands for. (3) Forward declarations that
 * are left are merged with the only struct or union of their name, if there is only one. (4) Pointers, arrays, typedefs,
 * qualifiers, functions and tags follow what they refer to, and are merged where that is the same.
 * @see https://facebookmicrosites.github.io/bpf/blog/2018/11/14/btf-enhancement.html
 * @module
 */
import { AnybpfError } from '../util/index.ts'
import type { Btf } from './btf.ts'
import { BtfBuilder } from './builder.ts'
import { referencesOf, withReferences } from './references.ts'
import type { BtfEnum, BtfEnum64, BtfFwd, BtfStruct, BtfType, BtfTypeId } from './types.ts'

/** Types that one comparison of two graphs may look at. */
const MAX_WALK = 1 << 20
/** All comparisons together may look at so many for each type there is: files that a compiler writes need about ten. */
const MAX_WORK_PER_TYPE = 2_000

export interface DedupResult {
  readonly btf: Btf
  /** The new id of each old one, `void` and those of the base included. */
  readonly ids: Uint32Array
}

/**
 * The types of `btf` without repetitions, in the order in which each occurs first, with the strings that they need. Types of
 * a base stay as they are, and others are merged with them. Throws `ERR_LIMIT` for graphs that no compiler writes.
 */
export function dedupBtf(btf: Btf): DedupResult {
  return new Deduplicator(btf).run()
}

type Enum = BtfEnum | BtfEnum64

class Deduplicator {
  private readonly btf: Btf
  private readonly first: BtfTypeId
  /** What stands for each type: itself, or another one that does so for a while (`find` follows). */
  private readonly canon: Uint32Array
  /** Candidates by what they say. */
  private readonly table = new Map<string, BtfTypeId[]>()
  /** The types of the other graph that those of this one are taken for; `touched` are those that are set. */
  private readonly hypothesis: Uint32Array
  private touched: BtfTypeId[] = []
  private work = 0

  constructor(btf: Btf) {
    this.btf = btf
    this.first = btf.firstOwn
    this.canon = new Uint32Array(btf.length)
    for (let id = 0; id < btf.length; id++) this.canon[id] = id
    this.hypothesis = new Uint32Array(btf.length).fill(NONE)
  }

  run(): DedupResult {
    this.mergePrimitives()
    this.mergeStructs()
    this.resolveForwards()
    this.mergeReferences()
    return this.compact()
  }

  private find(id: BtfTypeId): BtfTypeId {
    const { canon } = this
    let root = id
    while (canon[root] !== root) root = canon[root]!
    for (let at = id; canon[at] !== root; ) {
      const next = canon[at]!
      canon[at] = root
      at = next
    }
    return root
  }

  private candidates(key: string): BtfTypeId[] {
    let list = this.table.get(key)
    if (list === undefined) this.table.set(key, (list = []))
    return list
  }

  // Types that refer to nothing

  private mergePrimitives(): void {
    for (let id = 1; id < this.btf.length; id++) {
      const kind = this.btf.kindOf(id)
      if (kind !== 'int' && kind !== 'float' && kind !== 'enum' && kind !== 'enum64' && kind !== 'fwd') continue
      const type = this.btf.type(id)
      const list = this.candidates(primitiveKey(type))
      if (id >= this.first) {
        if (isEnum(type)) {
          if (this.mergeEnum(type, list)) continue
        } else if (list.length > 0) {
          this.canon[id] = list[0]!
          continue
        }
      }
      list.push(id)
    }
  }

  /** An enum without values is the declaration of one that has some, be it of the other kind. */
  private mergeEnum(type: Enum, list: BtfTypeId[]): boolean {
    const equal = list.find((other) => sameValues(this.btf.type(other) as Enum, type))
    if (equal !== undefined) {
      this.canon[type.id] = equal
      return true
    }
    if (type.name === '') return false
    if (type.values.length === 0) {
      const full = list[0]
      if (full !== undefined) this.canon[type.id] = full
      return full !== undefined
    }
    // Declarations that came before it.
    for (let i = list.length - 1; i >= 0; i--) {
      const other = this.btf.type(list[i]!) as Enum
      if (other.values.length > 0 || other.id < this.first) continue
      this.canon[other.id] = type.id
      list.splice(i, 1)
    }
    return false
  }

  // Structs and unions

  private mergeStructs(): void {
    for (let id = 1; id < this.btf.length; id++) {
      const kind = this.btf.kindOf(id)
      if (kind !== 'struct' && kind !== 'union') continue
      if (id >= this.first && this.find(id) !== id) continue
      const type = this.btf.type(id) as BtfStruct
      const list = this.candidates(structKey(type))
      if (id >= this.first) {
        const match = list.find((other) => this.tryMerge(id, other))
        if (match !== undefined) continue
      }
      list.push(id)
    }
  }

  /** Merges the graph of `id` into that of `other`, if they are equivalent. */
  private tryMerge(id: BtfTypeId, other: BtfTypeId): boolean {
    const equal = this.equivalent(id, other)
    if (equal) this.applyHypothesis()
    for (const touched of this.touched) this.hypothesis[touched] = NONE
    this.touched = []
    return equal
  }

  /** Walks both graphs with a stack of its own. */
  private equivalent(id: BtfTypeId, other: BtfTypeId): boolean {
    const stack: BtfTypeId[] = [id, other]
    let walked = 0
    while (stack.length > 0) {
      const b = this.find(stack.pop()!)
      const a = stack.pop()!
      if (++walked > MAX_WALK || ++this.work > MAX_WORK_PER_TYPE * (this.btf.length + 1000)) {
        throw new AnybpfError('ERR_LIMIT', `deduplicating BTF type ${id} leads through too many types`)
      }
      if (!this.compare(a, b, stack)) return false
    }
    return true
  }

  private compare(a: BtfTypeId, b: BtfTypeId, stack: BtfTypeId[]): boolean {
    if (this.find(a) === b) return true
    if (a === 0 || b === 0) return false
    const known = this.hypothesis[a]!
    const left = this.btf.type(a)
    const right = this.btf.type(b)
    if (known !== NONE) {
      if (this.find(known) === b) return true
      // A compilation unit may have a struct twice, and in two forms; the compiler has vouched for that they are the same.
      return this.sameTwice(known, b, left)
    }
    this.hypothesis[a] = b
    this.touched.push(a)
    if (left.kind === 'fwd' || right.kind === 'fwd') {
      if (left.kind === 'fwd' && right.kind === 'fwd') return left.name === right.name && left.target === right.target
      return left.kind === 'fwd' ? isDeclaredBy(left, right) : isDeclaredBy(right as BtfFwd, left)
    }
    if (isEnum(left) && isEnum(right)) {
      if (left.name !== right.name) return false
      if (left.name !== '' && (left.values.length === 0 || right.values.length === 0)) return true
      return sameValues(left, right)
    }
    if (left.kind !== right.kind) return false
    if (shallowKey(left) !== shallowKey(right)) return false
    const [from, to] = [referencesOf(left), referencesOf(right)]
    if (from.length !== to.length) return false
    for (let i = 0; i < from.length; i++) stack.push(from[i]!, to[i]!)
    return true
  }

  /** The other graph has `known` and `b` where this one has a single type: fine if one is the declaration of the other. */
  private sameTwice(known: BtfTypeId, b: BtfTypeId, left: BtfType): boolean {
    if (left.kind !== 'fwd' && left.kind !== 'struct' && left.kind !== 'union') return this.sameReference(known, b)
    const [one, two] = [this.btf.type(this.find(known)), this.btf.type(b)]
    const isDeclared = (type: BtfType, of: BtfType): boolean =>
      type.kind === 'fwd' && of.name === type.name && (of.kind === type.target || of.kind === 'fwd')
    if (isDeclared(one, two)) {
      this.hypothesis[left.id] = b
      return true
    }
    return isDeclared(two, one) || this.sameReference(known, b)
  }

  /** Whether two types are one after all, that a compiler has made twice: both say and refer to the same. */
  private sameReference(a: BtfTypeId, b: BtfTypeId): boolean {
    const [one, two] = [this.btf.type(this.find(a)), this.btf.type(this.find(b))]
    if (one.id === two.id) return true
    if (one.kind !== two.kind || one.kind === 'struct' || one.kind === 'union') return false
    if (one.kind === 'enum' || one.kind === 'enum64') return false
    if (shallowKey(one) !== shallowKey(two)) return false
    const [from, to] = [referencesOf(one), referencesOf(two)]
    return from.length === to.length && from.every((id, i) => this.find(id) === this.find(to[i]!))
  }

  private applyHypothesis(): void {
    for (const a of this.touched) {
      const b = this.find(this.hypothesis[a]!)
      const from = this.find(a)
      if (from === b) continue
      const [left, right] = [this.btf.type(from), this.btf.type(b)]
      // What only refers follows what it refers to, later.
      if (left.kind === 'fwd' && right.kind !== 'fwd') {
        if (from >= this.first) this.canon[from] = b
      } else if (right.kind === 'fwd' && left.kind !== 'fwd') {
        if (b >= this.first) this.canon[b] = from
      } else if (left.kind === right.kind && (left.kind === 'struct' || left.kind === 'union')) {
        if (from >= this.first) this.canon[from] = b
      }
    }
  }

  // Forward declarations

  /** One that is left stands for the only struct or union of its name. */
  private resolveForwards(): void {
    const byName = new Map<string, BtfTypeId | undefined>()
    for (let id = 1; id < this.btf.length; id++) {
      const kind = this.btf.kindOf(id)
      if ((kind !== 'struct' && kind !== 'union') || this.find(id) !== id) continue
      const key = `${kind} ${this.btf.nameOf(id)}`
      byName.set(key, byName.has(key) ? undefined : id)
    }
    for (let id = this.first; id < this.btf.length; id++) {
      if (this.btf.kindOf(id) !== 'fwd' || this.find(id) !== id) continue
      const type = this.btf.type(id)
      if (type.kind !== 'fwd' || type.name === '') continue
      const only = byName.get(`${type.target} ${type.name}`)
      if (only !== undefined) this.canon[id] = only
    }
  }

  // Types that refer to others

  /** Each after what it refers to; a cycle goes through a struct or union, which is settled. */
  private mergeReferences(): void {
    const state = new Uint8Array(this.btf.length)
    const table = new Map<string, BtfTypeId>()
    const settle = (root: BtfTypeId): void => {
      const stack = [root]
      while (stack.length > 0) {
        const id = stack[stack.length - 1]!
        const type = this.btf.type(id)
        if (state[id] === 2 || !REFERRING.has(type.kind) || this.find(id) !== id) {
          state[id] = 2
          stack.pop()
          continue
        }
        if (state[id] === 0) {
          state[id] = 1
          for (const to of referencesOf(type)) {
            const target = this.find(to)
            if (state[target] === 0 && REFERRING.has(this.btf.kindOf(target))) stack.push(target)
          }
          continue
        }
        state[id] = 2
        stack.pop()
        const key = `${shallowKey(type)}\n${referencesOf(type)
          .map((to) => this.find(to))
          .join(' ')}`
        const same = table.get(key)
        if (same === undefined) table.set(key, id)
        else if (id >= this.first) this.canon[id] = same
      }
    }
    for (let id = 1; id < this.btf.length; id++) settle(id)
  }

  // The result

  private compact(): DedupResult {
    const { btf, first } = this
    const ids = new Uint32Array(btf.length)
    for (let id = 0; id < first; id++) ids[id] = id
    let next = first
    for (let id = first; id < btf.length; id++) if (this.find(id) === id) ids[id] = next++
    for (let id = first; id < btf.length; id++) ids[id] = ids[this.find(id)]!
    const { byteOrder, pointerSize, base } = btf
    const builder = new BtfBuilder({ byteOrder, pointerSize, ...(base && { base }) })
    for (let id = first; id < btf.length; id++) {
      if (this.find(id) === id) builder.add(withReferences(btf.type(id), (to) => ids[to]!))
    }
    return { btf: builder.build(), ids }
  }
}

const NONE = 0xffffffff

const REFERRING: ReadonlySet<string> = new Set([
  ...['ptr', 'array', 'typedef', 'const', 'volatile', 'restrict', 'func', 'func_proto', 'type_tag', 'decl_tag'],
])

function isEnum(type: BtfType): type is Enum {
  return type.kind === 'enum' || type.kind === 'enum64'
}

function isDeclaredBy(fwd: BtfFwd, type: BtfType): boolean {
  return fwd.name !== '' && fwd.name === type.name && fwd.target === type.kind
}

function sameValues(a: Enum, b: Enum): boolean {
  if (a.kind !== b.kind || a.size !== b.size || a.signed !== b.signed || a.values.length !== b.values.length)
    return false
  return a.values.every(({ name, value }, i) => name === b.values[i]!.name && value === b.values[i]!.value)
}

function primitiveKey(type: BtfType): string {
  switch (type.kind) {
    case 'int':
      return `int ${type.size} ${type.bits} ${type.offset} ${Number(type.signed)}${Number(type.char)}${Number(type.bool)} ${type.name}`
    case 'float':
      return `float ${type.size} ${type.name}`
    case 'fwd':
      return `fwd ${type.target} ${type.name}`
    // A declaration has the same name as what it declares, and nothing else in common.
    case 'enum':
    case 'enum64':
      return type.name === ''
        ? `enum ${type.size} ${type.values.map(({ name }) => name).join(' ')}`
        : `enum named ${type.name}`
    default:
      return type.kind
  }
}

function structKey(type: BtfStruct): string {
  let text = `${type.kind} ${type.size} ${type.members.length} ${type.name}`
  for (const { name, bitOffset, bitSize } of type.members) text += `\n${name} ${bitOffset} ${bitSize}`
  return text
}

/** All that a type says but for what it refers to. */
function shallowKey(type: BtfType): string {
  switch (type.kind) {
    case 'struct':
    case 'union':
      return structKey(type)
    case 'array':
      return `array ${type.count}`
    case 'func':
      return `func ${type.linkage} ${type.name}`
    case 'func_proto':
      return `func_proto ${type.variadic} ${type.params.map(({ name }) => name).join(',')}`
    case 'decl_tag':
      return `decl_tag ${type.componentIndex} ${type.attribute} ${type.name}`
    case 'type_tag':
      return `type_tag ${type.attribute} ${type.name}`
    case 'int':
    case 'float':
      return primitiveKey(type)
    case 'var':
    case 'datasec':
    case 'unknown':
      return `${type.kind} ${type.id}`
    default:
      return `${type.kind} ${type.name}`
  }
}
