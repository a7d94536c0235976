/**
 * Kernel types by name, and whether a typed pointer is one to what is expected.
 * @module
 */
import { Btf, type BtfType, type BtfTypeId } from '../../btf/index.ts'
import type { Environment } from '../environment.ts'
import type { BtfTypeRef } from '../state.ts'
import type { SpecialField } from './record.ts'

const REFERENCES = new WeakMap<Btf, Map<BtfTypeId, BtfTypeRef>>()

/** The one object that stands for a type, so that states may compare by identity. */
export function typeRef(btf: Btf, id: BtfTypeId): BtfTypeRef {
  let known = REFERENCES.get(btf)
  if (known === undefined) {
    known = new Map()
    REFERENCES.set(btf, known)
  }
  let found = known.get(id)
  if (found === undefined) {
    found = { kind: 'btf', btf, id }
    known.set(id, found)
  }
  return found
}

/** Types that no BTF describes here: structures of which nothing but the name is known. By name, for all environments. */
const OPAQUE = new Map<string, BtfTypeRef>()
const OPAQUE_MAX = 10_000

function opaqueType(name: string): BtfTypeRef {
  let found = OPAQUE.get(name)
  if (found === undefined) {
    const types: BtfType[] = [
      { kind: 'void', id: 0, name: '' },
      { kind: 'struct', id: 1, name, size: 0, kindFlag: false, members: [] },
    ]
    found = typeRef(new Btf(types, { byteOrder: 'little' }), 1)
    if (OPAQUE.size < OPAQUE_MAX) OPAQUE.set(name, found)
  }
  return found
}

/** The kernel's structure of this name; without kernel BTF, one of which only the name is known. */
export function kernelType(env: Environment, name: string): BtfTypeRef {
  const type = env.kernelBtf?.find(name, 'struct', 'union')
  return type !== undefined ? typeRef(env.kernelBtf!, type.id) : opaqueType(name)
}

/** Not a type of the program's own. */
export function isKernelType(env: Environment, ref: BtfTypeRef): boolean {
  return ref.btf !== env.program.btf || ref.btf === env.kernelBtf
}

/** What a kernel pointer in a map value or object points to: a kernel type of that name, else the program's own. */
export function kptrType(env: Environment, field: SpecialField): BtfTypeRef {
  const btf = field.btf!
  const own = btf.type(field.typeId)
  const kernel = env.kernelBtf?.find(own.name, 'struct', 'union')
  return kernel !== undefined && own.name !== '' ? typeRef(env.kernelBtf!, kernel.id) : typeRef(btf, field.typeId)
}

export function typeName(ref: BtfTypeRef): string {
  return ref.btf.get(ref.id)?.name ?? ''
}

function sameType(a: BtfTypeRef, b: BtfTypeRef): boolean {
  return a === b || (a.btf === b.btf && a.id === b.id)
}

const DEPTH_MAX = 32

/** The structure that begins `off` bytes into one, if a member that is a structure does. */
function nestedAt(ref: BtfTypeRef, off: number): BtfTypeRef | undefined {
  const { btf } = ref
  let type = btf.resolve(ref.id)
  let rest = off
  for (let depth = 0; depth < DEPTH_MAX; depth++) {
    if (type.kind !== 'struct' && type.kind !== 'union') return undefined
    const member = type.members.find((one) => {
      const at = one.bitOffset / 8
      return one.bitSize === 0 && at <= rest && rest < at + btf.sizeOf(one.type)
    })
    if (member === undefined) return undefined
    rest -= member.bitOffset / 8
    let inner = btf.resolve(member.type)
    while (inner.kind === 'array') {
      const size = btf.sizeOf(inner.type)
      if (size === 0) return undefined
      rest %= size
      inner = btf.resolve(inner.type)
    }
    if (inner.kind !== 'struct' && inner.kind !== 'union') return undefined
    if (rest === 0) return typeRef(btf, inner.id)
    type = inner
  }
  return undefined
}

/**
 * A pointer `off` bytes into an object of type `ref` is one to `expected`; unless `strict`, also where that is the first
 * member, or a member at that place.
 */
export function structIdsMatch(ref: BtfTypeRef, off: number, expected: BtfTypeRef, strict: boolean): boolean {
  if (off === 0 && sameType(ref, expected)) return true
  if (strict) return false
  let at: BtfTypeRef | undefined = nestedAt(ref, off)
  for (let depth = 0; depth < DEPTH_MAX && at !== undefined; depth++) {
    if (sameType(at, expected)) return true
    at = nestedAt(at, 0)
  }
  return false
}
