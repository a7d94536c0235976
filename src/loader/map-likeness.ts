/**
 * Whether one map can stand for another in what was verified: beyond sizes and flags, the special fields of its values
 * (locks, timers, kernel pointers) and what its inner maps look like.
 * @see https://docs.ebpf.io/linux/map-type/BPF_MAP_TYPE_ARRAY_OF_MAPS/
 * @module
 */
import type { Btf, BtfTypeId } from '../btf/index.ts'
import type { BpfMap } from '../maps/index.ts'
import type { MapSpec } from '../object/index.ts'
import { mapRecord, type SpecialField } from '../verifier/calls/record.ts'

/** What each map was made from. */
const SPECS = new WeakMap<BpfMap, MapSpec>()

export function rememberSpec(map: BpfMap, spec: MapSpec): void {
  SPECS.set(map, spec)
}

/** Undefined for a map that was not made from one. */
export function specOf(map: BpfMap): MapSpec | undefined {
  return SPECS.get(map)
}

/** What a value's special fields are, and what they point at or hold, is the same. Types of two objects are compared by layout. */
export function haveSameFields(a: MapSpec, b: MapSpec): boolean {
  const left = mapRecord(a)
  const right = mapRecord(b)
  return left.length === right.length && left.every((field, i) => isSameField(field, right[i]!))
}

function isSameField(a: SpecialField, b: SpecialField): boolean {
  if (a.kind !== b.kind || a.offset !== b.offset || a.size !== b.size || a.nodeOffset !== b.nodeOffset) return false
  if (a.btf === undefined || b.btf === undefined) return a.btf === b.btf
  return isSameType(a.btf, a.typeId, b.btf, b.typeId)
}

function isSameType(btf: Btf, id: BtfTypeId, otherBtf: Btf, otherId: BtfTypeId): boolean {
  if (btf === otherBtf) return id === otherId
  const type = btf.get(id)
  const other = otherBtf.get(otherId)
  if (type?.kind !== 'struct' || other?.kind !== 'struct') return false
  if (type.name !== other.name || type.size !== other.size || type.members.length !== other.members.length) return false
  return type.members.every(({ name, type: inner, bitOffset, bitSize }, i) => {
    const member = other.members[i]!
    if (name !== member.name || bitOffset !== member.bitOffset || bitSize !== member.bitSize) return false
    return btf.get(inner)?.kind === otherBtf.get(member.type)?.kind
  })
}

const SIZES = ['type', 'keySize', 'valueSize', 'flags'] as const
const ARRAY = 2
/** `BPF_F_INNER_MAP`: arrays of any length. */
const ANY_LENGTH = 0x1000

/** Inner maps that look like `a` do for what was verified with `b`. */
export function areSameInner(a: MapSpec | undefined, b: MapSpec | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  if (SIZES.some((field) => a[field] !== b[field])) return false
  if (a.type === ARRAY && (a.flags & ANY_LENGTH) === 0 && a.maxEntries !== b.maxEntries) return false
  return haveSameFields(a, b)
}
