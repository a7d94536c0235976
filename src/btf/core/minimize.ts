/**
 * The part of a kernel's BTF that CO-RE relocations look at: small enough to be shipped with a program, for kernels that do
 * not show their types.
 *
 * Of a struct, only the members that are named are kept, at their offsets; pointers lose what they point to. What matches in
 * the whole matches in the part, and nothing else does, so every relocation comes to the same, but for ids of types.
 * @see https://github.com/libbpf/bpftool/blob/main/docs/bpftool-gen.rst (gen min_core_btf)
 * @module
 */
import type { Btf } from '../btf.ts'
import { BtfBuilder } from '../builder.ts'
import { referencesOf, withReferences } from '../references.ts'
import type { BtfType, BtfTypeId } from '../types.ts'
import { isComposite, isEnum } from './compatibility.ts'
import type { CoreResolution } from './resolve.ts'
import type { CoreSpec } from './spec.ts'

/** Types that `resolutions`, all of `target`, rely on, with new ids. */
export function minimizeBtf(target: Btf, resolutions: Iterable<CoreResolution>): Btf {
  const part = new Part(target)
  for (const { candidates } of resolutions) {
    for (const { matches, spec } of candidates) if (matches) part.keep(spec)
  }
  return part.build()
}

class Part {
  private readonly target: Btf
  /** Types to keep; of structs, unions and enums, which of their parts. */
  private readonly kept = new Map<BtfTypeId, Set<number>>()
  /** Types that are looked at through pointers too. */
  private readonly followed = new Set<BtfTypeId>()
  /** Types that are kept whole. */
  private readonly whole = new Set<BtfTypeId>()

  constructor(target: Btf) {
    this.target = target
  }

  keep(spec: CoreSpec): void {
    switch (spec.kind.subject) {
      case 'field':
        this.keepPath(spec)
        break
      case 'enumerator':
        this.keepType(spec.root)
        this.kept.get(spec.accessors[0]!.type)!.add(spec.accessors[0]!.index)
        break
      case 'type':
        if (spec.kind.name === 'type_matches') this.keepWhole(spec.root)
        else this.follow(spec.root)
        break
    }
  }

  build(): Btf {
    const { target } = this
    const ids = new Map<BtfTypeId, BtfTypeId>()
    const builder = new BtfBuilder({ byteOrder: target.byteOrder, pointerSize: target.pointerSize })
    const sorted = [...this.kept.keys()].sort((a, b) => a - b)
    for (const [i, id] of sorted.entries()) ids.set(id, i + 1)
    for (const id of sorted) {
      const type = this.reduced(target.type(id))
      // Nobody asks what a pointer that was not followed points to.
      builder.add(withReferences(type, (reference) => ids.get(reference) ?? 0))
    }
    return builder.build()
  }

  private reduced(type: BtfType): BtfType {
    const parts = this.kept.get(type.id)!
    if (isComposite(type)) return { ...type, members: type.members.filter((_, i) => parts.has(i)) }
    if (type.kind === 'enum') return { ...type, values: type.values.filter((_, i) => parts.has(i)) }
    if (type.kind === 'enum64') return { ...type, values: type.values.filter((_, i) => parts.has(i)) }
    return type
  }

  /** The type without its parts, and what it is a typedef, a qualified form or an array of. */
  private keepType(root: BtfTypeId): void {
    const pending = [root]
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
      if (id === 0 || this.kept.has(id)) continue
      this.kept.set(id, new Set())
      const type = this.target.type(id)
      switch (type.kind) {
        case 'typedef':
        case 'const':
        case 'volatile':
        case 'restrict':
        case 'type_tag':
          pending.push(type.type)
          break
        case 'array':
          pending.push(type.type, type.indexType)
      }
    }
  }

  private keepPath({ root, raw }: CoreSpec): void {
    this.keepType(root)
    let at = this.target.resolve(root)
    for (const step of raw.slice(1)) {
      if (isComposite(at)) {
        const struct = at
        this.keepMember(struct.id, step)
        at = this.target.resolve(struct.members[step]!.type)
        // An array without a size may be accessed beyond its end where it is the last member: it must not become that.
        if (at.kind === 'array' && at.count === 0) this.keepMember(struct.id, struct.members.length - 1)
      } else if (at.kind === 'array') {
        at = this.target.resolve(at.type)
        this.keepType(at.id)
      }
    }
  }

  private keepMember(id: BtfTypeId, index: number): void {
    this.keepType(id)
    this.kept.get(id)!.add(index)
    const struct = this.target.type(id)
    if (isComposite(struct)) this.keepType(struct.members[index]!.type)
  }

  /** What `typesCompatible` sees: through pointers, prototypes and arrays, into no struct. */
  private follow(root: BtfTypeId): void {
    const pending = [root]
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
      if (id === 0 || this.followed.has(id)) continue
      this.followed.add(id)
      this.keepType(id)
      const type = this.target.type(id)
      if (isComposite(type) || isEnum(type)) continue
      for (const reference of referencesOf(type)) pending.push(reference)
    }
  }

  /** What `typesMatch` sees: all members and enumerators, behind pointers only names. */
  private keepWhole(root: BtfTypeId): void {
    const pending = [{ id: root, behind: false }]
    for (let one = pending.pop(); one !== undefined; one = pending.pop()) {
      const { id, behind } = one
      const key = behind ? -id : id
      if (id === 0 || this.whole.has(key)) continue
      this.whole.add(key)
      this.keepType(id)
      const type = this.target.type(id)
      if (isComposite(type) && behind) continue
      const parts = isComposite(type) ? type.members : isEnum(type) ? type.values : []
      for (const index of parts.keys()) this.kept.get(id)!.add(index)
      for (const reference of referencesOf(type)) pending.push({ id: reference, behind: behind || type.kind === 'ptr' })
    }
  }
}
