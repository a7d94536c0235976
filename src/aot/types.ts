/**
 * BTF types from the form that they have in a generated module.
 * @module
 */
import { Btf } from '../btf/btf.ts'
import type { BtfType } from '../btf/types.ts'
import type { BuiltType } from './built-object.ts'

/** `types[0]` gets id 1. */
export function builtTypesToBtf(types: readonly BuiltType[]): Btf {
  return new Btf([{ kind: 'void', id: 0, name: '' }, ...types.map((type, i) => expand(type, i + 1))], {
    byteOrder: 'little',
  })
}

function expand(type: BuiltType, id: number): BtfType {
  const name = 'name' in type ? (type.name ?? '') : ''
  switch (type.kind) {
    case 'void':
      return { kind: 'void', id, name }
    case 'int': {
      const { size, bits = 8 * size, offset = 0, signed = false, char = false, bool = false } = type
      return { kind: 'int', id, name, size, bits, offset, signed, char, bool }
    }
    case 'ptr':
      // What it leads to lies in no map.
      return { kind: 'ptr', id, name, type: 0 }
    case 'array':
      return { kind: 'array', id, name, type: type.type, indexType: type.indexType ?? 0, count: type.count }
    case 'struct':
    case 'union': {
      const members = type.members.map(([member, of, bitOffset, bitSize = 0]) => ({
        name: member,
        type: of,
        bitOffset,
        bitSize,
      }))
      return { kind: type.kind, id, name, size: type.size, kindFlag: type.kindFlag ?? false, members }
    }
    case 'enum':
      return { kind: 'enum', id, name, size: type.size, signed: type.signed ?? false, values: enumerators(type.values) }
    case 'enum64':
      return {
        kind: 'enum64',
        id,
        name,
        size: type.size,
        signed: type.signed ?? false,
        values: enumerators(type.values),
      }
    case 'float':
      return { kind: 'float', id, name, size: type.size }
    case 'var':
      return { kind: 'var', id, name, type: type.type, linkage: 'global' }
    case 'type_tag':
      return { kind: 'type_tag', id, name, type: type.type, attribute: false }
    default:
      return { kind: type.kind, id, name, type: type.type }
  }
}

function enumerators<T>(values: readonly (readonly [string, T])[]): { name: string; value: T }[] {
  return values.map(([name, value]) => ({ name, value }))
}
