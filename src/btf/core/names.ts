/**
 * Names of types across kernels: what follows the last `___` is a flavour, by which a program tells several versions of
 * one type apart, and no part of the name that is looked for.
 * @see https://docs.kernel.org/bpf/libbpf/libbpf_overview.html#bpf-co-re-compile-once-run-everywhere
 * @module
 */
import type { Btf } from '../btf.ts'
import type { BtfTypeId } from '../types.ts'

const UNDERSCORE = 0x5f

/** `task_struct` of `task_struct___old`. The three underscores have a character that is none on either side. */
export function essentialName(name: string): string {
  for (let at = name.lastIndexOf('___'); at > 0; at = name.lastIndexOf('___', at - 1)) {
    const before = name.charCodeAt(at - 1)
    const after = name.charCodeAt(at + 3)
    if (before !== UNDERSCORE && after !== UNDERSCORE && at + 3 < name.length) return name.slice(0, at)
  }
  return name
}

/** Ids of the types that have this essential name, in order. */
export function typesNamed(btf: Btf, essential: string): readonly BtfTypeId[] {
  const flavoured = flavouredTypes(btf).get(essential) ?? []
  // What is left of `a___b___c` is no type's essential name but that of its flavours.
  if (essentialName(essential) !== essential) return flavoured
  const plain = btf.idsOf(essential)
  return flavoured.length === 0 ? plain : [...plain, ...flavoured].sort((a, b) => a - b)
}

const FLAVOURED = new WeakMap<Btf, ReadonlyMap<string, readonly BtfTypeId[]>>()

/** The types whose names have a flavour, by what is left without it. Found once for each `Btf`. */
function flavouredTypes(btf: Btf): ReadonlyMap<string, readonly BtfTypeId[]> {
  const known = FLAVOURED.get(btf)
  if (known !== undefined) return known
  const flavoured = new Map<string, BtfTypeId[]>()
  for (const id of typesWithSeparator(btf)) {
    const name = btf.nameOf(id)
    const essential = essentialName(name)
    if (essential === name) continue
    const same = flavoured.get(essential)
    if (same === undefined) flavoured.set(essential, [id])
    else same.push(id)
  }
  FLAVOURED.set(btf, flavoured)
  return flavoured
}

/** Types whose names may have `___` in them: a few of a kernel's hundred thousand, whose names are not decoded for that. */
function* typesWithSeparator(btf: Btf): Generator<BtfTypeId> {
  const { words } = btf
  if (words === undefined) {
    for (let id = 1; id < btf.length; id++) yield id
    return
  }
  if (btf.base !== undefined) yield* typesWithSeparator(btf.base)
  const { bytes } = words.strings
  const marks = markSeparators(bytes)
  for (let id = words.first; id < words.end; id++) {
    const offset = words.words[words.starts[id - words.first]!]! - words.stringsInBase
    // A name may lie in the base's strings.
    if (offset < 0 || marks[offset] === 1) yield id
  }
}

/** 1 at each byte of a string behind which, in the same string, `___` begins. */
function markSeparators(bytes: Uint8Array): Uint8Array {
  const marks = new Uint8Array(bytes.length)
  let inName = 0
  for (let at = bytes.length - 1; at >= 0; at--) {
    if (bytes[at] === 0) inName = 0
    else if (bytes[at] === UNDERSCORE && bytes[at + 1] === UNDERSCORE && bytes[at + 2] === UNDERSCORE) inName = 1
    marks[at] = inName
  }
  return marks
}
