/**
 * A value of any type as text, with the names and offsets out of the way: for people who look into memory.
 * @module
 */
import type { Btf } from '../btf.ts'
import type { BtfStruct, BtfTypeId } from '../types.ts'
import { createCodec } from './codec.ts'

/**
 * The value that these bytes are, as C would initialise it: structs with `.member = `, pointers in hexadecimal, enums by
 * name, `char` arrays as text, other bytes in hexadecimal. Throws `ERR_BTF` for types that have no values, `ERR_FORMAT` if
 * there are too few bytes.
 */
export function formatBtfValue(btf: Btf, type: BtfTypeId, bytes: Uint8Array): string {
  return write(btf, type, createCodec(btf, type).decode(bytes), 0)
}

function write(btf: Btf, id: BtfTypeId, value: unknown, level: number): string {
  if (value instanceof Uint8Array) {
    return `{ ${Array.from(value, (byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(', ')} }`
  }
  const type = btf.resolve(id)
  switch (type.kind) {
    case 'ptr':
      return `0x${(value as bigint).toString(16)}`
    case 'array': {
      if (!Array.isArray(value)) return typeof value === 'string' ? JSON.stringify(value) : String(value)
      const items = value.map((item) => write(btf, type.type, item, level + 1))
      const short = items.length <= 16 && items.every((item) => item.length <= 20 && !item.includes('\n'))
      return block(items, level, short)
    }
    case 'struct':
    case 'union':
      return block(members(btf, type, value as Readonly<Record<string, unknown>>, level), level, false)
    case 'datasec': {
      const all = value as Readonly<Record<string, unknown>>
      const items = type.variables.map(({ type: variable }) => {
        const name = btf.nameOf(variable)
        return `.${name} = ${write(btf, variable, all[name], level + 1)}`
      })
      return block(items, level, false)
    }
    default:
      return String(value)
  }
}

/** Those of anonymous parts are the struct's own, as in the value. */
function members(btf: Btf, type: BtfStruct, value: Readonly<Record<string, unknown>>, level: number): string[] {
  const items: string[] = []
  for (const member of type.members) {
    const inner = btf.resolve(member.type)
    if (member.name === '') {
      if (inner.kind === 'struct' || inner.kind === 'union') items.push(...members(btf, inner, value, level))
    } else if (Object.hasOwn(value, member.name)) {
      items.push(`.${member.name} = ${write(btf, member.type, value[member.name], level + 1)}`)
    }
  }
  return items
}

function block(items: readonly string[], level: number, short: boolean): string {
  if (items.length === 0) return '{}'
  if (short) return `{ ${items.join(', ')} }`
  const indent = '\t'.repeat(level + 1)
  return `{\n${items.map((item) => `${indent}${item},\n`).join('')}${'\t'.repeat(level)}}`
}
