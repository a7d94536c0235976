/**
 * The number that a CO-RE relocation stands for, given where the field, type or enumerator is in one BTF.
 * @module
 */
import { AnybpfError } from '../../util/index.ts'
import type { BtfMember, BtfTypeId } from '../types.ts'
import { isComposite, isEnum } from './compatibility.ts'
import type { CoreSpec } from './spec.ts'

export interface CoreValue {
  /** 64 bits, unsigned. */
  readonly value: bigint
  /** Whether a compiler would have written the same number: of bit fields, compilers may disagree with us. */
  readonly certain: boolean
  /** Of an offset that is no bit field's: bytes of what is accessed there (of an array, of one element). */
  readonly size: number
  /** With `size`: the type of the field. */
  readonly type: BtfTypeId
}

const MASK_64 = 0xffff_ffff_ffff_ffffn

function plain(value: number | bigint, certain = true): CoreValue {
  return { value: BigInt(value) & MASK_64, certain, size: 0, type: 0 }
}

/** Throws `ERR_RELOCATION` where the question makes no sense for this field, `ERR_BTF` for what has no size. */
export function coreValue(spec: CoreSpec): CoreValue {
  const { btf, kind, root } = spec
  switch (kind.name) {
    case 'local_type_id':
    case 'target_type_id':
      return plain(root, false)
    case 'field_exists':
    case 'type_exists':
    case 'type_matches':
    case 'enumval_exists':
      return plain(1)
    case 'type_size':
      return plain(btf.sizeOf(root))
    case 'enumval_value': {
      const { type: id, index } = spec.accessors[0]!
      const type = btf.type(id)
      if (!isEnum(type)) throw new AnybpfError('ERR_RELOCATION', `type ${id} is no enum`)
      const { value } = type.values[index]!
      // libbpf reads the 32 bits of an enum as a signed number, whatever the enum is.
      return plain(typeof value === 'number' ? value | 0 : value)
    }
    default:
      return fieldValue(spec)
  }
}

function fieldValue(spec: CoreSpec): CoreValue {
  const { type: id, index, name } = spec.accessors.at(-1)!
  if (name === undefined) return elementValue(spec, id)
  const struct = spec.btf.type(id)
  if (!isComposite(struct)) throw new AnybpfError('ERR_RELOCATION', `type ${id} has no members`)
  const member = struct.members[index]!
  return member.bitSize > 0 ? bitFieldValue(spec, member) : memberValue(spec, member)
}

/** `array[n]`, or the root itself. */
function elementValue(spec: CoreSpec, type: BtfTypeId): CoreValue {
  const { btf, kind, bitOffset } = spec
  if (kind.name === 'byte_off') return { ...plain(Math.floor(bitOffset / 8)), size: elementSize(spec, type), type }
  if (kind.name === 'byte_sz') return plain(btf.sizeOf(type))
  throw new AnybpfError('ERR_RELOCATION', `CO-RE relocation <${kind.name}> cannot be applied to an element of an array`)
}

function memberValue(spec: CoreSpec, member: BtfMember): CoreValue {
  const { btf, kind, bitOffset } = spec
  const type = btf.resolve(member.type)
  const size = btf.sizeOf(type.id)
  switch (kind.name) {
    case 'byte_off':
      return { ...plain(Math.floor(bitOffset / 8)), size: elementSize(spec, type.id), type: type.id }
    case 'byte_sz':
      return plain(size)
    case 'lshift_u64':
    case 'rshift_u64':
      // Of what is larger than 64 bits nobody asks; libbpf answers with 32 bits all the same.
      return plain((64 - 8 * size) >>> 0)
    default:
      return plain(isSigned(spec, member) ? 1 : 0)
  }
}

/**
 * The smallest aligned integer that has all of the field's bits.
 *
 *   little-endian:  [ … | field | bits below … ]   shifted left until the field is at the top
 *                   byte offset + size       byte offset
 */
function bitFieldValue(spec: CoreSpec, member: BtfMember): CoreValue {
  const { btf, kind, bitOffset } = spec
  const { bitSize } = member
  let size = btf.sizeOf(btf.resolve(member.type).id)
  if (size === 0) throw new AnybpfError('ERR_RELOCATION', `bit field ${member.name} is of a type without bytes`)
  const begin = (): number => Math.floor(Math.floor(bitOffset / 8) / size) * size
  while (bitOffset + bitSize > 8 * (begin() + size)) {
    if (size >= 8) throw new AnybpfError('ERR_RELOCATION', `bit field ${member.name} needs more than a 64-bit load`)
    size *= 2
  }
  const inside = bitOffset - 8 * begin()
  switch (kind.name) {
    case 'byte_off':
      return plain(begin(), false)
    case 'byte_sz':
      return plain(size, false)
    case 'lshift_u64':
      return plain(btf.byteOrder === 'little' ? 64 - (inside + bitSize) : 8 * (8 - size) + inside, false)
    case 'rshift_u64':
      return plain(64 - bitSize)
    default:
      return plain(isSigned(spec, member) ? 1 : 0)
  }
}

function isSigned({ btf }: CoreSpec, member: BtfMember): boolean {
  const type = btf.resolve(member.type)
  return (type.kind === 'int' || isEnum(type)) && type.signed
}

/** Bytes of a field; of an array, of one of its elements, which is what an instruction accesses. */
function elementSize({ btf }: CoreSpec, id: BtfTypeId): number {
  let type = btf.resolve(id)
  while (type.kind === 'array') type = btf.resolve(type.type)
  return btf.sizeOf(type.id)
}
