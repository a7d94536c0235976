/**
 * What must hold of BTF types beyond their encoding: references exist and are of a kind that makes sense, fields lie
 * inside their struct, and no type contains itself.
 * @see https://docs.kernel.org/bpf/btf.html
 * @module
 */
import { AnybpfError, quoteName } from '../util/index.ts'
import { type Btf, partsOf } from './btf.ts'
import type { BtfInt, BtfStruct, BtfType, BtfTypeId } from './types.ts'

/** What was found to be good; types are never changed. */
const CHECKED = new WeakSet<Btf>()

/**
 * Checks the types from id `first` on, be they read from a file or made by hand. Throws `ERR_BTF` at the first thing
 * wrong. What was found to be good is not looked at again.
 */
export function checkBtf(btf: Btf, first = 1): void {
  if (CHECKED.has(btf)) return
  for (let id = first; id < btf.types.length; id++) checkShape(btf.types[id], id)
  for (let id = first; id < btf.types.length; id++) checkType(btf, btf.types[id]!)
  checkContainment(btf, first)
  checkPointerChains(btf, first)
  if (first <= 1 || (btf.base !== undefined && CHECKED.has(btf.base))) CHECKED.add(btf)
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
const isText = (value: unknown): boolean => typeof value === 'string'
const isFlag = (value: unknown): boolean => typeof value === 'boolean'
const isWhole = (value: unknown): boolean => Number.isSafeInteger(value)

type Shape = Readonly<Record<string, (value: unknown) => boolean>>

const TO_TYPE: Shape = { type: isCount }
const MEMBER: Shape = { name: isText, type: isCount, bitOffset: isCount, bitSize: isCount }
const STRUCT: Shape = { size: isCount, members: listOf(MEMBER) }

/** The fields of each kind besides `id` and `name`. */
const SHAPES: ReadonlyMap<unknown, Shape> = new Map<BtfType['kind'], Shape>([
  ['void', {}],
  ['int', { size: isCount, bits: isCount, offset: isCount, signed: isFlag, char: isFlag, bool: isFlag }],
  ['ptr', TO_TYPE],
  ['array', { type: isCount, indexType: isCount, count: isCount }],
  ['struct', STRUCT],
  ['union', STRUCT],
  ['enum', { size: isCount, signed: isFlag, values: listOf({ name: isText, value: isWhole }) }],
  ['enum64', { size: isCount, signed: isFlag, values: listOf({ name: isText, value: (v) => typeof v === 'bigint' }) }],
  ['fwd', {}],
  ['typedef', TO_TYPE],
  ['volatile', TO_TYPE],
  ['const', TO_TYPE],
  ['restrict', TO_TYPE],
  ['func', { type: isCount, linkage: isText }],
  ['func_proto', { returnType: isCount, params: listOf({ name: isText, type: isCount }) }],
  ['var', TO_TYPE],
  ['datasec', { size: isCount, variables: listOf({ type: isCount, offset: isCount, size: isCount }) }],
  ['float', { size: isCount }],
  ['decl_tag', { type: isCount, componentIndex: isWhole }],
  ['type_tag', TO_TYPE],
  ['unknown', {}],
])

function listOf(shape: Shape): (value: unknown) => boolean {
  const names = Object.keys(shape)
  return (value) => {
    if (!Array.isArray(value)) return false
    for (let i = 0; i < value.length; i++) if (wrongField(value[i], shape, names) !== undefined) return false
    return true
  }
}

/** The first field that is not as it has to be. */
function wrongField(value: unknown, shape: Shape, names: readonly string[]): string | undefined {
  if (typeof value !== 'object' || value === null) return 'value'
  return names.find((name) => !shape[name]!((value as Record<string, unknown>)[name]))
}

/** Types made by hand are as their declarations say. */
function checkShape(type: BtfType | undefined, id: BtfTypeId): void {
  const shape = SHAPES.get(type?.kind)
  if (type === undefined || shape === undefined) {
    throw new AnybpfError('ERR_BTF', `BTF type ${id} is no type: its kind is ${String(type?.kind)}`)
  }
  const wrong = type.id !== id ? 'id' : isText(type.name) ? wrongField(type, shape, Object.keys(shape)) : 'name'
  if (wrong !== undefined) {
    throw new AnybpfError('ERR_BTF', `BTF type ${id} (${type.kind}): its ${wrong} is not what it has to be`)
  }
}

function checkType(btf: Btf, type: BtfType): void {
  switch (type.kind) {
    case 'int':
      checkInt(type)
      return
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
    case 'decl_tag':
      reference(btf, type, type.type, 'type')
      return
    case 'array':
      reference(btf, type, type.type, 'element type')
      reference(btf, type, type.indexType, 'index type')
      return
    case 'struct':
    case 'union':
      checkStruct(btf, type)
      return
    case 'func': {
      const proto = reference(btf, type, type.type, 'prototype')
      if (proto.kind !== 'func_proto') fail(type, `its prototype, type ${type.type}, is a ${proto.kind}`)
      return
    }
    case 'func_proto':
      reference(btf, type, type.returnType, 'return type')
      for (const param of type.params) reference(btf, type, param.type, 'parameter type')
      return
    case 'var':
      reference(btf, type, type.type, 'type')
      return
    case 'datasec':
      for (const variable of type.variables) {
        const target = reference(btf, type, variable.type, 'variable')
        if (target.kind !== 'var' && target.kind !== 'func') {
          fail(type, `variable ${variable.type} is a ${target.kind}`)
        }
      }
      return
    default:
      return
  }
}

function checkInt(type: BtfInt): void {
  if (type.bits > 128 || type.offset + type.bits > 8 * type.size) {
    fail(type, `${type.bits} bits at bit ${type.offset} do not fit ${type.size} bytes`)
  }
}

function checkStruct(btf: Btf, type: BtfStruct): void {
  for (const member of type.members) {
    // The text of the message only where it is needed: a struct may have a million members.
    if (btf.types[member.type] === undefined)
      reference(btf, type, member.type, `type of member ${quoteName(member.name)}`)
    if (member.bitOffset + member.bitSize > 8 * type.size) {
      fail(type, `member ${quoteName(member.name)} at bit ${member.bitOffset} lies beyond its ${type.size} bytes`)
    }
  }
}

function reference(btf: Btf, from: BtfType, id: BtfTypeId, what: string): BtfType {
  const type = btf.types[id]
  return type ?? fail(from, `its ${what}, type ${id}, does not exist`)
}

function fail(type: BtfType, what: string): never {
  const name = type.name === '' ? '' : ` ${quoteName(type.name)}`
  throw new AnybpfError('ERR_BTF', `BTF type ${type.id} (${type.kind}${name}): ${what}`)
}

/** Depth-first with its own stack: 0 not seen, 1 being looked at, 2 done. */
function checkContainment(btf: Btf, first: number): void {
  const state = new Uint8Array(btf.types.length)
  for (let root = first; root < btf.types.length; root++) {
    if (state[root] !== 0) continue
    const stack: { id: BtfTypeId; inner: readonly BtfTypeId[]; next: number }[] = []
    const enter = (id: BtfTypeId): void => {
      state[id] = 1
      stack.push({ id, inner: partsOf(btf.types[id]!), next: 0 })
    }
    enter(root)
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!
      const inner = top.inner[top.next++]
      if (inner === undefined) {
        state[top.id] = 2
        stack.pop()
      } else if (state[inner] === 1) {
        fail(btf.types[inner]!, 'it contains itself')
      } else if (state[inner] === 0) {
        enter(inner)
      }
    }
  }
}

/** A chain of pointers, typedefs and qualifiers has to end at something else. */
function checkPointerChains(btf: Btf, first: number): void {
  const seenFrom = new Uint32Array(btf.types.length)
  for (let root = first; root < btf.types.length; root++) {
    let id: BtfTypeId | undefined = root
    while (id !== undefined && seenFrom[id] === 0) {
      seenFrom[id] = root
      const type: BtfType = btf.types[id]!
      id = chainTarget(type)
    }
    if (id !== undefined && seenFrom[id] === root) fail(btf.types[id]!, 'its chain of pointers leads back to itself')
  }
}

function chainTarget(type: BtfType): BtfTypeId | undefined {
  switch (type.kind) {
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
    case 'var':
    case 'array':
      return type.type
    default:
      return undefined
  }
}
