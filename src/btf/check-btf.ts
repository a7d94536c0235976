/**
 * What must hold of BTF types beyond their encoding: references exist and are of a kind that makes sense, fields lie
 * inside their struct, and no type contains itself.
 * @see https://docs.kernel.org/bpf/btf.html
 * @module
 */
import { AnybpfError, quoteName } from '../util/index.ts'
import { type Btf, partsOf } from './btf.ts'
import type { BtfInt, BtfStruct, BtfType, BtfTypeId } from './types.ts'

/** Checks the types from id `first` on. Throws `ERR_BTF` at the first thing wrong. */
export function checkBtf(btf: Btf, first = 1): void {
  for (let id = first; id < btf.types.length; id++) checkType(btf, btf.types[id]!)
  checkContainment(btf, first)
  checkPointerChains(btf, first)
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
