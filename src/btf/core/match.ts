/**
 * Looks for what a program's relocation names in a type of the target: the same path of fields and elements, the same
 * enumerator, a type of the same make.
 * @module
 */
import { AnybpfError } from '../../util/index.ts'
import type { BtfTypeId } from '../types.ts'
import { type CoreSides, fieldsCompatible, isComposite, isEnum, typesCompatible, typesMatch } from './compatibility.ts'
import { essentialName } from './names.ts'
import { CORE_MAX_STEPS, type CoreAccessor, type CoreSpec, reaches } from './spec.ts'

/** What a candidate has of what was asked for: all, and then `matches`; else the beginning of the path. */
export interface CoreMatch {
  readonly matches: boolean
  readonly spec: CoreSpec
}

/** Matches `local` with the type `root` of the target. Throws `ERR_RELOCATION` or `ERR_LIMIT` for absurd types. */
export function matchCoreSpec(sides: CoreSides, local: CoreSpec, root: BtfTypeId): CoreMatch {
  const { kind } = local
  const empty: CoreSpec = { btf: sides.target, kind, root, accessors: [], raw: [], bitOffset: 0 }
  switch (kind.subject) {
    case 'type': {
      const relation = kind.name === 'type_matches' ? typesMatch : typesCompatible
      return { matches: relation(sides, local.root, root), spec: empty }
    }
    case 'enumerator':
      return matchEnumerator(local, empty)
    case 'field':
      return new FieldSearch(sides, local, empty).run()
  }
}

function matchEnumerator(local: CoreSpec, empty: CoreSpec): CoreMatch {
  const type = empty.btf.resolve(empty.root)
  if (!isEnum(type)) return { matches: false, spec: empty }
  const wanted = essentialName(local.accessors[0]!.name!)
  const index = type.values.findIndex(({ name }) => essentialName(name) === wanted)
  if (index < 0) return { matches: false, spec: empty }
  const accessors = [{ type: type.id, index, name: type.values[index]!.name }]
  return { matches: true, spec: { ...empty, accessors, raw: [index] } }
}

class FieldSearch {
  private readonly sides: CoreSides
  private readonly local: CoreSpec
  private readonly empty: CoreSpec
  private readonly accessors: CoreAccessor[] = []
  private readonly raw: number[] = []
  private bitOffset = 0
  /** The type that the path has led to. */
  private at: BtfTypeId

  constructor(sides: CoreSides, local: CoreSpec, empty: CoreSpec) {
    this.sides = sides
    this.local = local
    this.empty = empty
    this.at = empty.root
  }

  run(): CoreMatch {
    const matches = this.local.accessors.every((accessor, i) =>
      accessor.name === undefined ? this.element(accessor.index, i === 0) : this.member(accessor),
    )
    const { accessors, raw, bitOffset } = this
    return { matches, spec: { ...this.empty, accessors, raw, bitOffset } }
  }

  /** Element `index` of the array at hand; of the root, as if it were one of an array of its type. */
  private element(index: number, isRoot: boolean): boolean {
    const { target } = this.sides
    let type = target.resolve(this.at)
    if (!isRoot) {
      if (type.kind !== 'array' || !reaches(target, this.accessors.at(-1), type, index)) return false
      type = target.resolve(type.type)
    }
    this.step(index)
    this.accessors.push({ type: type.id, index, name: undefined })
    this.bitOffset += index * target.sizeOf(type.id) * 8
    this.at = type.id
    return true
  }

  /** The member of that name of the struct at hand, also inside anonymous ones; a mere namesake ends the search. */
  private member(accessor: CoreAccessor): boolean {
    const { local } = this.sides
    const struct = local.type(accessor.type)
    if (!isComposite(struct)) return false
    const { name, type } = struct.members[accessor.index]!
    return this.find(this.at, name, type) === 'found'
  }

  private find(id: BtfTypeId, name: string, localType: BtfTypeId): 'found' | 'incompatible' | 'absent' {
    const { target, steps } = this.sides
    const struct = target.resolve(id)
    if (!isComposite(struct)) return 'absent'
    for (const [index, member] of struct.members.entries()) {
      steps.take()
      if (member.name !== '' && member.name !== name) continue
      this.step(index)
      this.bitOffset += member.bitOffset
      if (member.name === '') {
        const found = this.find(member.type, name, localType)
        if (found !== 'absent') return found
      } else if (fieldsCompatible(this.sides, localType, member.type)) {
        this.accessors.push({ type: struct.id, index, name })
        this.at = member.type
        return 'found'
      } else return 'incompatible'
      this.bitOffset -= member.bitOffset
      this.raw.pop()
    }
    return 'absent'
  }

  private step(index: number): void {
    if (this.raw.length === CORE_MAX_STEPS) {
      throw new AnybpfError('ERR_RELOCATION', `a field lies deeper than ${CORE_MAX_STEPS} structs and arrays`)
    }
    this.raw.push(index)
  }
}
