/**
 * Which types a type refers to, and the same type with other references: for walking, copying and merging.
 * @module
 */
import type { Btf } from './btf.ts'
import type { BtfType, BtfTypeId } from './types.ts'

/** Ids of all types that a type refers to, in the order of the encoding; 0 (`void`) may be among them. */
export function referencesOf(type: BtfType): readonly BtfTypeId[] {
  switch (type.kind) {
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
    case 'decl_tag':
    case 'var':
    case 'func':
      return [type.type]
    case 'array':
      return [type.type, type.indexType]
    case 'struct':
    case 'union':
      return type.members.map((member) => member.type)
    case 'func_proto':
      return [type.returnType, ...type.params.map((param) => param.type)]
    case 'datasec':
      return type.variables.map((variable) => variable.type)
    default:
      return []
  }
}

/** The type with every reference replaced by what `map` makes of it, and with another id if one is given. */
export function withReferences(type: BtfType, map: (id: BtfTypeId) => BtfTypeId, id = type.id): BtfType {
  switch (type.kind) {
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
    case 'decl_tag':
    case 'var':
    case 'func':
      return { ...type, id, type: map(type.type) }
    case 'array':
      return { ...type, id, type: map(type.type), indexType: map(type.indexType) }
    case 'struct':
    case 'union':
      return { ...type, id, members: type.members.map((member) => ({ ...member, type: map(member.type) })) }
    case 'func_proto': {
      const params = type.params.map((param) => ({ ...param, type: map(param.type) }))
      return { ...type, id, returnType: map(type.returnType), params }
    }
    case 'datasec':
      return { ...type, id, variables: type.variables.map((one) => ({ ...one, type: map(one.type) })) }
    default:
      return { ...type, id }
  }
}

/**
 * Ids of the types that are reached from `roots` by any reference, each once, roots included and `void` not, in the order
 * in which they are met. Ids that do not exist are left out.
 */
export function reachableTypes(btf: Btf, roots: Iterable<BtfTypeId>): readonly BtfTypeId[] {
  const seen = new Set<BtfTypeId>()
  const pending = [...roots].reverse()
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (id === 0 || seen.has(id)) continue
    const type = btf.get(id)
    if (type === undefined) continue
    seen.add(id)
    const inner = referencesOf(type)
    for (let i = inner.length - 1; i >= 0; i--) pending.push(inner[i]!)
  }
  return [...seen]
}
