/**
 * What must hold of types beyond the encoding of each: references exist and are of a kind that makes sense, fields lie
 * inside their struct, and no type contains itself.
 * @see https://docs.kernel.org/bpf/btf.html
 * @module
 */
import { quoteName } from '../util/index.ts'
import { HEADER_WORDS, type TypeWords, typeError } from './type-words.ts'
import { BTF_KINDS, type BtfTypeId } from './types.ts'

type KindName = (typeof BTF_KINDS)[number]
const NUMBER = Object.fromEntries(BTF_KINDS.map((kind, number) => [kind, number])) as Record<KindName, number>
const { int, ptr, array, struct, union, typedef, volatile, const: constant, restrict, func, func_proto } = NUMBER
const { var: variable, datasec, decl_tag, type_tag } = NUMBER

/** Throws `ERR_BTF` at the first thing wrong. Time is linear in the number of words. */
export function checkReferences(types: TypeWords): void {
  for (let id = types.first; id < types.end; id++) checkType(types, id)
  checkContainment(types)
  checkPointerChains(types)
}

function fail(types: TypeWords, id: BtfTypeId, what: string): never {
  throw typeError(id, types.kind(id), types.name(id), what)
}

function reference(types: TypeWords, from: BtfTypeId, to: BtfTypeId, what: string): void {
  if (to >= types.end) fail(types, from, `its ${what}, type ${to}, does not exist`)
}

function checkType(types: TypeWords, id: BtfTypeId): void {
  const { words, end } = types
  const at = types.start(id)
  const third = words[at + 2]!
  const more = at + HEADER_WORDS
  switch (types.kindNumber(id)) {
    case int: {
      const bits = words[more]! & 0xff
      const offset = (words[more]! >>> 16) & 0xff
      if (bits > 128 || offset + bits > 8 * third) {
        fail(types, id, `${bits} bits at bit ${offset} do not fit ${third} bytes`)
      }
      return
    }
    case ptr:
    case typedef:
    case volatile:
    case constant:
    case restrict:
    case type_tag:
    case decl_tag:
    case variable:
      if (third >= end) reference(types, id, third, 'type')
      return
    case array:
      reference(types, id, words[more]!, 'element type')
      reference(types, id, words[more + 1]!, 'index type')
      return
    case struct:
    case union:
      checkMembers(types, id, more)
      return
    case func:
      reference(types, id, third, 'prototype')
      if (types.kindNumber(third) !== func_proto) {
        fail(types, id, `its prototype, type ${third}, is a ${types.kind(third)}`)
      }
      return
    case func_proto: {
      reference(types, id, third, 'return type')
      const count = types.vlen(id)
      for (let i = 0; i < count; i++) reference(types, id, words[more + 2 * i + 1]!, 'parameter type')
      return
    }
    case datasec: {
      const count = types.vlen(id)
      for (let i = 0; i < count; i++) {
        const target = words[more + 3 * i]!
        reference(types, id, target, 'variable')
        const kind = types.kindNumber(target)
        if (kind !== variable && kind !== func) fail(types, id, `variable ${target} is a ${types.kind(target)}`)
      }
      return
    }
    default:
      return
  }
}

function checkMembers(types: TypeWords, id: BtfTypeId, from: number): void {
  const { words, end } = types
  const info = words[from - 2]!
  const bits = 8 * words[from - 1]!
  const flag = info >>> 31 !== 0
  const count = types.vlen(id)
  for (let i = 0, w = from; i < count; i++, w += 3) {
    const type = words[w + 1]!
    const offset = words[w + 2]!
    const ends = flag ? (offset & 0xffffff) + (offset >>> 24) : offset
    if (type < end && ends <= bits) continue
    // The text of a message only where it is needed: a struct may have a million members.
    const name = quoteName(types.nameAt(words[w]!))
    reference(types, id, type, `type of member ${name}`)
    fail(types, id, `member ${name} at bit ${flag ? offset & 0xffffff : offset} lies beyond its ${bits / 8} bytes`)
  }
}

/**
 * Depth first with a stack of its own; only types of this file: those of a base cannot refer to them. A type is 0 not
 * seen, 1 being looked at, 2 done.
 */
function checkContainment(types: TypeWords): void {
  const { words, first, end } = types
  const state = new Uint8Array(end - first)
  const stack: BtfTypeId[] = []
  /** Parts of each type on the stack that are done. */
  const done: number[] = []
  for (let root = first; root < end; root++) {
    if (state[root - first] !== 0) continue
    stack.push(root)
    done.push(0)
    state[root - first] = 1
    while (stack.length > 0) {
      const top = stack.length - 1
      const id = stack[top]!
      const part = partAt(types, words, id, done[top]!)
      done[top]!++
      if (part < 0) {
        state[id - first] = 2
        stack.pop()
        done.pop()
      } else if (part >= first) {
        if (state[part - first] === 1) fail(types, part, 'it contains itself')
        if (state[part - first] === 0) {
          state[part - first] = 1
          stack.push(part)
          done.push(0)
        }
      }
    }
  }
}

/** The `index`th type whose values lie inside those of a type; -1 after the last. */
function partAt(types: TypeWords, words: Uint32Array, id: BtfTypeId, index: number): number {
  const at = types.start(id)
  switch (types.kindNumber(id)) {
    case typedef:
    case volatile:
    case constant:
    case restrict:
    case type_tag:
    case variable:
      return index === 0 ? words[at + 2]! : -1
    case array:
      return index === 0 ? words[at + HEADER_WORDS]! : -1
    case struct:
    case union:
      return index < types.vlen(id) ? words[at + HEADER_WORDS + 3 * index + 1]! : -1
    default:
      return -1
  }
}

/** A chain of pointers, typedefs and qualifiers has to end at something else. */
function checkPointerChains(types: TypeWords): void {
  const { words, first, end } = types
  const seenFrom = new Uint32Array(end - first)
  for (let root = first; root < end; root++) {
    let id = root
    while (id >= first && seenFrom[id - first] === 0) {
      seenFrom[id - first] = root
      const kind = types.kindNumber(id)
      id =
        kind === ptr
          ? words[types.start(id) + 2]!
          : kind === struct || kind === union
            ? -1
            : partAt(types, words, id, 0)
    }
    if (id >= first && seenFrom[id - first] === root) fail(types, id, 'its chain of pointers leads back to itself')
  }
}
