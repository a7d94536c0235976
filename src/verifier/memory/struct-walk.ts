/**
 * What lies at an offset of a kernel structure, by its BTF: a number, a pointer and to what, or nothing that a load of
 * that size may touch.
 * @see https://docs.kernel.org/bpf/btf.html
 * @module
 */
import {
  BTF_MAX_DEPTH,
  type Btf,
  type BtfMember,
  type BtfStruct,
  type BtfType,
  type BtfTypeId,
} from '../../btf/index.ts'
import { MEM_PERCPU, MEM_RCU, MEM_USER, PTR_UNTRUSTED, type RegType } from '../types.ts'

/** What a load of some bytes of a structure gives. */
export type StructAccess =
  | { readonly kind: 'scalar' }
  /** To the structure `id`; `flags` are those of its tags, and PTR_UNTRUSTED inside a union. */
  | { readonly kind: 'pointer'; readonly id: BtfTypeId; readonly flags: RegType; readonly field: string }
  /** A pointer to something that is no structure: what it points at may be read as bytes. */
  | { readonly kind: 'untrusted_memory' }
  /** Linux's message. */
  | { readonly kind: 'error'; readonly message: string }

const SCALAR: StructAccess = { kind: 'scalar' }
const UNTRUSTED_MEMORY: StructAccess = { kind: 'untrusted_memory' }

const TAG_FLAGS: ReadonlyMap<string, RegType> = new Map([
  ['user', MEM_USER],
  ['percpu', MEM_PERCPU],
  ['rcu', MEM_RCU],
])

const CACHES = new WeakMap<Btf, Map<number, StructAccess>>()
const CACHE_MAX = 100_000

/** `size` bytes at `off` (not negative) of the structure `id`. */
export function structAccess(btf: Btf, id: BtfTypeId, off: number, size: number): StructAccess {
  if (off >= 1 << 24 || size >= 16) return walk(btf, id, off, size)
  let cache = CACHES.get(btf)
  if (cache === undefined) CACHES.set(btf, (cache = new Map()))
  const key = id * 2 ** 28 + off * 16 + size
  let access = cache.get(key)
  if (access === undefined) {
    access = walk(btf, id, off, size)
    if (cache.size < CACHE_MAX) cache.set(key, access)
  }
  return access
}

/** A member, or the element of an array member, that an offset lies in. */
interface Place {
  readonly member: BtfMember
  readonly type: BtfType
  /** Bytes from the start of the structure, and of the member or element. */
  readonly start: number
  readonly size: number
  /** Where the whole member ends. */
  readonly memberEnd: number
}

function walk(btf: Btf, id: BtfTypeId, off: number, size: number): StructAccess {
  let type = btf.resolve(id)
  let at = off
  let flags = 0
  for (let depth = 0; depth < BTF_MAX_DEPTH; depth++) {
    if (type.kind !== 'struct' && type.kind !== 'union') return error(`Type '${nameOf(type)}' is not a struct`)
    // Which member of a union is meant is not known: pointers in it are not to be trusted.
    if (type.kind === 'union' && type.members.length !== 1) flags |= PTR_UNTRUSTED
    if (at + size > type.size) {
      const element = flexibleElement(btf, type, at)
      if (element === undefined) {
        return error(`access beyond struct ${nameOf(type)} at off ${at} size ${size}`)
      }
      if (element.type.kind === 'int') return SCALAR
      at = element.at
      type = element.type
      continue
    }
    const place = placeAt(btf, type, at, size)
    if (place === undefined) return error(`struct ${nameOf(type)} doesn't have field at offset ${at}`)
    if (place === 'bits') return SCALAR
    if (place.type.kind === 'struct' || place.type.kind === 'union') {
      at -= place.start
      type = place.type
      continue
    }
    return leaf(btf, type, place, at, size, flags)
  }
  return error(`Type '${nameOf(type)}' is not a struct`)
}

/** As messages name it. */
function nameOf({ name }: { readonly name: string }): string {
  return name === '' ? '(anon)' : name
}

function error(message: string): StructAccess {
  return { kind: 'error', message }
}

/** Beyond the end of a structure whose last member is an array of unknown length: an element of it. */
function flexibleElement(btf: Btf, struct: BtfStruct, at: number): { type: BtfType; at: number } | undefined {
  const last = struct.members[struct.members.length - 1]
  if (last === undefined) return undefined
  const array = btf.resolve(last.type)
  const start = Math.floor(last.bitOffset / 8)
  if (array.kind !== 'array' || array.count !== 0 || at < start) return undefined
  const type = btf.resolve(array.type)
  if (type.kind === 'int') return { type, at }
  if ((type.kind !== 'struct' && type.kind !== 'union') || type.size === 0) return undefined
  return { type, at: (at - start) % type.size }
}

/** `bits`: the access covers a bit field. */
function placeAt(btf: Btf, struct: BtfStruct, at: number, size: number): Place | 'bits' | undefined {
  for (const member of struct.members) {
    const start = Math.floor(member.bitOffset / 8)
    if (at + size <= start) return undefined
    if (member.bitSize !== 0) {
      if (at <= start && Math.ceil((member.bitOffset + member.bitSize) / 8) <= at + size) return 'bits'
      continue
    }
    if (at < start) return undefined
    const memberSize = btf.sizeOf(member.type)
    const memberEnd = start + memberSize
    if (at >= memberEnd) continue
    let type = btf.resolve(member.type)
    if (type.kind !== 'array') return { member, type, start, size: memberSize, memberEnd }
    while (type.kind === 'array') type = btf.resolve(type.type)
    const elementSize = btf.sizeOf(type.id)
    if (elementSize === 0) continue
    const index = Math.floor((at - start) / elementSize)
    return { member, type, start: start + index * elementSize, size: elementSize, memberEnd }
  }
  return undefined
}

function leaf(btf: Btf, struct: BtfStruct, place: Place, at: number, size: number, flags: RegType): StructAccess {
  const { member, type } = place
  if (type.kind === 'ptr') {
    if (place.size !== size || place.start !== at) {
      return error(
        `cannot access ptr member ${nameOf(member)} with moff ${place.start} in struct ${nameOf(struct)} with off ${at} size ${size}`,
      )
    }
    const target = btf.resolve(type.type)
    if (target.kind !== 'struct' && target.kind !== 'union') return UNTRUSTED_MEMORY
    return { kind: 'pointer', id: target.id, flags: flags | tagFlags(btf, type.type), field: member.name }
  }
  // Numbers may be read across, as far as the member goes; in a union nobody minds.
  if (at + size > place.memberEnd && (flags & PTR_UNTRUSTED) === 0) {
    return error(
      `access beyond the end of member ${nameOf(member)} (mend:${place.memberEnd}) in struct ${nameOf(struct)} with off ${at} size ${size}`,
    )
  }
  return SCALAR
}

/** What the tag of a pointer's target says: in user memory, per CPU, protected by RCU. */
export function tagFlags(btf: Btf, target: BtfTypeId): RegType {
  const type = btf.type(target)
  return type.kind === 'type_tag' && !type.attribute ? (TAG_FLAGS.get(type.name) ?? 0) : 0
}
