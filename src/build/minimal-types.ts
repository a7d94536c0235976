/**
 * The part of an object's BTF that values in its maps need, numbered anew.
 * @module
 */
import type { BuiltType } from '../aot/built-object.ts'
import { type Btf, type BtfType, type BtfTypeId, partsOf } from '../btf/index.ts'

export class MinimalTypes {
  /** The first has id 1. */
  readonly types: BuiltType[] = []
  private readonly btf: Btf
  private readonly ids = new Map<BtfTypeId, number>()

  constructor(btf: Btf) {
    this.btf = btf
  }

  /** The new id of a type, which is added with all that lies in its values; undefined if it does not exist. */
  add(id: BtfTypeId): number | undefined {
    if (this.btf.get(id) === undefined || id === 0) return id === 0 ? 0 : undefined
    // Numbers first, for types may be deeply nested; a file's types may not be well-founded.
    const added: BtfType[] = []
    for (const pending = [id]; pending.length > 0; ) {
      const next = pending.pop()!
      const type = this.btf.get(next)
      if (next === 0 || type === undefined || this.ids.has(next)) continue
      this.ids.set(next, this.types.length + added.length + 1)
      added.push(type)
      pending.push(...[...partsOf(type)].reverse())
    }
    for (const type of added) this.types.push(this.built(type))
    return this.ids.get(id)
  }

  private built(type: BtfType): BuiltType {
    const name = type.name === '' ? {} : { name: type.name }
    const of = (id: BtfTypeId): number => this.ids.get(id) ?? 0
    switch (type.kind) {
      case 'int': {
        const { kind, size, bits, offset, signed, char, bool } = type
        return {
          ...{ kind, ...name, size },
          ...(bits !== 8 * size && { bits }),
          ...(offset !== 0 && { offset }),
          ...(signed && { signed }),
          ...(char && { char }),
          ...(bool && { bool }),
        }
      }
      case 'ptr':
        return { kind: 'ptr' }
      case 'array':
        return { kind: 'array', type: of(type.type), count: type.count }
      case 'struct':
      case 'union': {
        const members = type.members.map(({ name: member, type: id, bitOffset, bitSize }) =>
          bitSize === 0 ? ([member, of(id), bitOffset] as const) : ([member, of(id), bitOffset, bitSize] as const),
        )
        return { kind: type.kind, ...name, size: type.size, ...(type.kindFlag && { kindFlag: true }), members }
      }
      case 'enum':
        return {
          ...{ kind: 'enum', ...name, size: type.size, ...(type.signed && { signed: true }) },
          values: type.values.map((one) => [one.name, one.value] as const),
        }
      case 'enum64':
        return {
          ...{ kind: 'enum64', ...name, size: type.size, ...(type.signed && { signed: true }) },
          values: type.values.map((one) => [one.name, one.value] as const),
        }
      case 'float':
        return { kind: 'float', ...name, size: type.size }
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
      case 'type_tag':
      case 'var':
        return { kind: type.kind, ...name, type: of(type.type) }
      default:
        // What has no values has no use in a map; a codec says so of `void` too.
        return { kind: 'void' }
    }
  }
}
