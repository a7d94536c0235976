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
import { compactTypes } from './compact-types.ts'
import { FlatTypes, IdTable, mix } from './flat-types.ts'
import { BTF_KIND_NUMBERS, INFO_KIND_MASK } from './kinds.ts'
import { BTF_KINDS, type BtfKind, type BtfTypeId } from './types.ts'

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
  return new Deduplicator(btf.words === undefined ? rebuilt(btf) : btf).run()
}

class Deduplicator {
  private readonly btf: Btf
  private readonly flat: FlatTypes
  private readonly first: BtfTypeId
  /** What stands for each type: itself, or another one that does so for a while (`find` follows). */
  private readonly canon: Uint32Array
  /** The types of the other graph that those of this one are taken for; `touched` are those that are set. */
  private readonly hypothesis: Uint32Array
  private readonly touched: Uint32Array
  private touchedCount = 0
  /** Pairs of types that are to be compared, `top` ids in all. Neither is emptied: that costs more than to count. */
  private readonly stack: BtfTypeId[] = []
  private top = 0
  private work = 0

  constructor(btf: Btf) {
    this.btf = btf
    this.flat = new FlatTypes(btf)
    this.first = btf.firstOwn
    this.canon = new Uint32Array(btf.length)
    for (let id = 0; id < btf.length; id++) this.canon[id] = id
    this.hypothesis = new Uint32Array(btf.length).fill(NONE)
    this.touched = new Uint32Array(btf.length)
  }

  run(): DedupResult {
    this.mergePrimitives()
    this.mergeStructs()
    this.resolveForwards()
    this.mergeReferences()
    return this.result()
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

  /** Counts a comparison: of many that differ and have the same hash, too, for who wants that can have it. */
  private step(id: BtfTypeId): void {
    if (++this.work > MAX_WORK_PER_TYPE * (this.flat.length + 1000)) throw tooMany(id)
  }

  // Types that refer to nothing

  private mergePrimitives(): void {
    const { flat } = this
    const table = new IdTable(flat.length)
    for (let id = 1; id < flat.length; id++) {
      const kind = flat.kind(id)
      if (IS_ENUM[kind] !== 0) {
        // A declaration has the same name as what it declares, and nothing else in common.
        const hash = flat.name(id) === 0 ? flat.hash(id) : mix(ENUM, flat.name(id))
        if (id >= this.first && this.mergeEnum(table, hash, id)) continue
        table.add(hash, id)
      } else if (kind === INT || kind === FLOAT || kind === FWD) {
        const hash = flat.hash(id)
        const same = id < this.first ? 0 : this.firstAlike(table, hash, id)
        if (same === 0) table.add(hash, id)
        else this.canon[id] = same
      }
    }
  }

  private firstAlike(table: IdTable, hash: number, id: BtfTypeId): BtfTypeId {
    let other = table.first(hash)
    while (other !== 0 && (this.canon[other] !== other || !this.flat.isAlike(other, id))) {
      this.step(id)
      other = table.next(other)
    }
    return other
  }

  /** An enum without values is the declaration of one that has some, be it of the other kind. */
  private mergeEnum(table: IdTable, hash: number, id: BtfTypeId): boolean {
    const { flat, canon } = this
    const equal = this.firstAlike(table, hash, id)
    if (equal !== 0) {
      canon[id] = equal
      return true
    }
    const name = flat.name(id)
    if (name === 0) return false
    const isDeclaration = flat.vlen(id) === 0
    for (let other = table.first(hash); other !== 0; other = table.next(other)) {
      this.step(id)
      if (canon[other] !== other || IS_ENUM[flat.kind(other)] === 0 || flat.name(other) !== name) continue
      if (isDeclaration) {
        canon[id] = other
        return true
      }
      // Declarations that came before it.
      if (flat.vlen(other) === 0 && other >= this.first) canon[other] = id
    }
    return false
  }

  // Structs and unions

  private mergeStructs(): void {
    const { flat } = this
    const table = new IdTable(flat.length)
    for (let id = 1; id < flat.length; id++) {
      const kind = flat.kind(id)
      if (kind !== STRUCT && kind !== UNION) continue
      if (id >= this.first && this.find(id) !== id) continue
      const hash = flat.hash(id)
      if (id < this.first || !this.mergeStruct(table, hash, id)) table.add(hash, id)
    }
  }

  private mergeStruct(table: IdTable, hash: number, id: BtfTypeId): boolean {
    for (let other = table.first(hash); other !== 0; other = table.next(other)) {
      this.step(id)
      if (this.flat.isAlike(other, id) && this.tryMerge(id, other)) return true
    }
    return false
  }

  /** Merges the graph of `id` into that of `other`, if they are equivalent. */
  private tryMerge(id: BtfTypeId, other: BtfTypeId): boolean {
    const equal = this.equivalent(id, other)
    if (equal) this.applyHypothesis()
    for (let i = 0; i < this.touchedCount; i++) this.hypothesis[this.touched[i]!] = NONE
    this.touchedCount = 0
    return equal
  }

  /** Walks both graphs with a stack of its own. */
  private equivalent(id: BtfTypeId, other: BtfTypeId): boolean {
    const { stack } = this
    stack[0] = id
    stack[1] = other
    this.top = 2
    let walked = 0
    while (this.top > 0) {
      const b = this.find(stack[--this.top]!)
      const a = stack[--this.top]!
      if (++walked > MAX_WALK) throw tooMany(id)
      this.step(id)
      if (!this.compare(a, b)) return false
    }
    return true
  }

  private compare(a: BtfTypeId, b: BtfTypeId): boolean {
    const { flat, stack } = this
    if (this.find(a) === b) return true
    if (a === 0 || b === 0) return false
    const known = this.hypothesis[a]!
    if (known !== NONE) {
      if (this.find(known) === b) return true
      // A compilation unit may have a struct twice, and in two forms; the compiler has vouched for that they are the same.
      return this.sameTwice(known, b, a)
    }
    this.hypothesis[a] = b
    this.touched[this.touchedCount++] = a
    const left = flat.kind(a)
    const right = flat.kind(b)
    if (left === FWD || right === FWD) {
      if (left === right) return flat.isAlike(a, b)
      return left === FWD ? this.isDeclaredBy(a, b) : this.isDeclaredBy(b, a)
    }
    if (IS_ENUM[left] !== 0 && IS_ENUM[right] !== 0) {
      const name = flat.name(a)
      if (name !== flat.name(b)) return false
      if (name !== 0 && (flat.vlen(a) === 0 || flat.vlen(b) === 0)) return true
      return flat.isAlike(a, b)
    }
    if (IS_SINGLE[left] !== 0 || !flat.isAlike(a, b)) return false
    const count = flat.references(a)
    for (let i = 0; i < count; i++) {
      stack[this.top++] = flat.words[flat.referenceWord(a, i)]!
      stack[this.top++] = flat.words[flat.referenceWord(b, i)]!
    }
    return true
  }

  private isDeclaredBy(fwd: BtfTypeId, type: BtfTypeId): boolean {
    const { flat } = this
    const name = flat.name(fwd)
    return name !== 0 && name === flat.name(type) && flat.kind(type) === this.targetOf(fwd)
  }

  /** The kind that a forward declaration declares. */
  private targetOf(fwd: BtfTypeId): number {
    return this.flat.words[this.flat.starts[fwd]! + 1]! >>> 31 !== 0 ? UNION : STRUCT
  }

  /** The other graph has `known` and `b` where this one has a single type: fine if one is the declaration of the other. */
  private sameTwice(known: BtfTypeId, b: BtfTypeId, left: BtfTypeId): boolean {
    const { flat } = this
    const kind = flat.kind(left)
    if (kind === FWD || kind === STRUCT || kind === UNION) {
      const one = this.find(known)
      if (this.isDeclaration(one, b)) {
        this.hypothesis[left] = b
        return true
      }
      if (this.isDeclaration(b, one)) return true
    }
    return this.sameReference(known, b)
  }

  private isDeclaration(type: BtfTypeId, of: BtfTypeId): boolean {
    const { flat } = this
    if (flat.kind(type) !== FWD || flat.name(type) !== flat.name(of)) return false
    return flat.kind(of) === FWD || flat.kind(of) === this.targetOf(type)
  }

  /** Whether two types are one after all, that a compiler has made twice: both say and refer to the same. */
  private sameReference(a: BtfTypeId, b: BtfTypeId): boolean {
    const { flat } = this
    const [one, two] = [this.find(a), this.find(b)]
    if (one === two) return true
    const kind = flat.kind(one)
    if (kind === STRUCT || kind === UNION || IS_ENUM[kind] !== 0 || IS_SINGLE[kind] !== 0) return false
    return flat.isAlike(one, two) && this.refersToSame(one, two)
  }

  /** Of two types that are alike. */
  private refersToSame(a: BtfTypeId, b: BtfTypeId): boolean {
    const { flat } = this
    const count = flat.references(a)
    for (let i = 0; i < count; i++) {
      const from = flat.words[flat.referenceWord(a, i)]!
      const to = flat.words[flat.referenceWord(b, i)]!
      if (this.find(from) !== this.find(to)) return false
    }
    return true
  }

  private applyHypothesis(): void {
    const { canon, first, flat } = this
    for (let i = 0; i < this.touchedCount; i++) {
      const a = this.touched[i]!
      const b = this.find(this.hypothesis[a]!)
      const from = this.find(a)
      if (from === b) continue
      const left = flat.kind(from)
      const right = flat.kind(b)
      // What only refers follows what it refers to, later.
      if (left === FWD && right !== FWD) {
        if (from >= first) canon[from] = b
      } else if (right === FWD && left !== FWD) {
        if (b >= first) canon[b] = from
      } else if (left === right && (left === STRUCT || left === UNION)) {
        if (from >= first) canon[from] = b
      }
    }
  }

  // Forward declarations

  /** One that is left stands for the only struct or union of its name. */
  private resolveForwards(): void {
    const { flat } = this
    // By name, times 2, plus 1 for unions; 0 where there is more than one.
    const byName = new Map<number, BtfTypeId>()
    for (let id = 1; id < flat.length; id++) {
      const kind = flat.kind(id)
      if ((kind !== STRUCT && kind !== UNION) || this.find(id) !== id) continue
      const key = 2 * flat.name(id) + (kind === UNION ? 1 : 0)
      byName.set(key, byName.has(key) ? 0 : id)
    }
    for (let id = this.first; id < flat.length; id++) {
      const name = flat.name(id)
      if (flat.kind(id) !== FWD || name === 0 || this.find(id) !== id) continue
      const only = byName.get(2 * name + (this.targetOf(id) === UNION ? 1 : 0))
      if (only !== undefined && only !== 0) this.canon[id] = only
    }
  }

  // Types that refer to others

  /** Each after what it refers to; a cycle goes through a struct or union, which is settled. */
  private mergeReferences(): void {
    const { flat } = this
    const state = new Uint8Array(flat.length)
    const table = new IdTable(flat.length)
    const stack: BtfTypeId[] = []
    for (let root = 1; root < flat.length; root++) {
      stack.push(root)
      while (stack.length > 0) {
        const id = stack[stack.length - 1]!
        if (state[id] === 2 || REFERS[flat.kind(id)] === 0 || this.find(id) !== id) {
          state[id] = 2
          stack.pop()
        } else if (state[id] === 0) {
          state[id] = 1
          const count = flat.references(id)
          for (let i = 0; i < count; i++) {
            const target = this.find(flat.words[flat.referenceWord(id, i)]!)
            if (state[target] === 0 && REFERS[flat.kind(target)] !== 0) stack.push(target)
          }
        } else {
          state[id] = 2
          stack.pop()
          this.mergeReference(table, id)
        }
      }
    }
  }

  private mergeReference(table: IdTable, id: BtfTypeId): void {
    const { flat } = this
    let hash = flat.hash(id)
    const count = flat.references(id)
    for (let i = 0; i < count; i++) hash = mix(hash, this.find(flat.words[flat.referenceWord(id, i)]!))
    let same = table.first(hash)
    while (same !== 0 && !(flat.isAlike(same, id) && this.refersToSame(same, id))) {
      this.step(id)
      same = table.next(same)
    }
    if (same === 0) table.add(hash, id)
    else if (id >= this.first) this.canon[id] = same
  }

  // The result

  private result(): DedupResult {
    const { btf, first, flat } = this
    const ids = new Uint32Array(btf.length)
    for (let id = 0; id < first; id++) ids[id] = id
    let next = first
    for (let id = first; id < btf.length; id++) if (this.find(id) === id) ids[id] = next++
    for (let id = first; id < btf.length; id++) ids[id] = ids[this.find(id)]!
    return { btf: compactTypes(btf, flat, ids, (id) => this.canon[id] === id), ids }
  }
}

function tooMany(id: BtfTypeId): AnybpfError {
  return new AnybpfError('ERR_LIMIT', `deduplicating BTF type ${id} leads through too many types`)
}

const NONE = 0xffffffff

const { int: INT, float: FLOAT, fwd: FWD, struct: STRUCT, union: UNION, enum: ENUM } = BTF_KIND_NUMBERS

/** 1 for each of these kinds, by number. */
function set(...kinds: readonly BtfKind[]): Uint8Array {
  const numbers = new Uint8Array(INFO_KIND_MASK + 1)
  for (const kind of kinds) numbers[BTF_KIND_NUMBERS[kind]] = 1
  return numbers
}

const IS_ENUM = set('enum', 'enum64')

const REFERS = set(
  ...(['ptr', 'array', 'typedef', 'const', 'volatile', 'restrict', 'func', 'func_proto', 'type_tag'] as const),
  'decl_tag',
)

/** Kinds of which each type is one of its own: variables, sections, and what is not known. */
const IS_SINGLE = set('var', 'datasec').fill(1, BTF_KINDS.length)

/** Types made by hand as those of a file, with the same ids. */
function rebuilt(btf: Btf): Btf {
  const { base, byteOrder, pointerSize } = btf
  const builder = new BtfBuilder({ byteOrder, pointerSize, ...(base && { base }) })
  for (let id = btf.firstOwn; id < btf.length; id++) builder.add(btf.type(id))
  return builder.build()
}
