/**
 * Structures of numbers: such a one may be handed to a kernel function as plain memory.
 * @module
 */
import type { Btf, BtfStruct, BtfType } from '../../btf/index.ts'
import type { BtfTypeRef } from '../state.ts'

const isNumber = (type: BtfType): boolean => type.kind === 'int' || type.kind === 'enum' || type.kind === 'enum64'

/** Structures within structures. */
const DEPTH_MAX = 4

function hasOnlyScalars(btf: Btf, struct: BtfStruct, depth: number, messages: string[]): boolean {
  for (const member of struct.members) {
    const type = btf.resolve(member.type)
    if (type.kind === 'struct') {
      if (depth >= DEPTH_MAX) {
        messages.push('max struct nesting depth exceeded')
        return false
      }
      if (!hasOnlyScalars(btf, type, depth + 1, messages)) return false
    } else if (type.kind === 'array') {
      if (type.count === 0 || !isNumber(btf.resolve(type.type))) return false
    } else if (!isNumber(type)) {
      return false
    }
  }
  return true
}

/** All members are numbers, arrays of numbers, or such structures; and it is known what they are. */
export function isScalarStruct(ref: BtfTypeRef, messages: string[]): boolean {
  const type = ref.btf.resolve(ref.id)
  return type.kind === 'struct' && type.size > 0 && hasOnlyScalars(ref.btf, type, 1, messages)
}
