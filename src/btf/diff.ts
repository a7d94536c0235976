/**
 * What changed between two sets of types: which structs, unions, enums, typedefs, functions and variables came, went or
 * changed, and which member, value or parameter of them, with offsets.
 * @module
 */
import { AnybpfError } from '../util/index.ts'
import { BTF_MAX_DEPTH, type Btf } from './btf.ts'
import { typeText } from './type-text.ts'
import type { BtfEnum, BtfEnum64, BtfKind, BtfStruct, BtfType } from './types.ts'

export type BtfDiffKind = 'struct' | 'union' | 'enum' | 'typedef' | 'func' | 'var'

/** Where a member lies: bits from the start of the struct, and its width where it is a bit field. */
export interface BtfDiffMember {
  readonly type: string
  readonly bitOffset: number
  /** 0 for an ordinary member. */
  readonly bitSize: number
}

/** A part of a type that is not as it was; a part that came has no `before`, one that went no `after`. */
export type BtfChange =
  | { readonly what: 'size'; readonly before: number; readonly after: number }
  | {
      readonly what: 'member'
      /** With the names of the anonymous structs that it lies in, if those have any: `stats.packets`. */
      readonly name: string
      readonly before?: BtfDiffMember
      readonly after?: BtfDiffMember
    }
  | { readonly what: 'value'; readonly name: string; readonly before?: bigint; readonly after?: bigint }
  | { readonly what: 'type'; readonly before: string; readonly after: string }

export interface BtfDifference {
  readonly kind: BtfDiffKind
  readonly name: string
  readonly status: 'added' | 'removed' | 'changed'
  /** Of a type that changed. */
  readonly changes: readonly BtfChange[]
}

export interface BtfDiffOptions {
  /** Only types of these names. */
  readonly names?: readonly string[]
}

const KIND: Readonly<Partial<Record<BtfKind, BtfDiffKind>>> = {
  struct: 'struct',
  union: 'union',
  enum: 'enum',
  enum64: 'enum',
  typedef: 'typedef',
  func: 'func',
  var: 'var',
}

/** Members of one struct that are looked at, anonymous parts included. */
const MAX_MEMBERS = 1 << 20

/**
 * Differences from `before` to `after`, by kind and name. Where several types have one name, equal ones are left out and
 * the others are compared in order. Throws `ERR_LIMIT` for structs whose anonymous parts have too many members.
 */
export function diffBtf(before: Btf, after: Btf, options: BtfDiffOptions = {}): readonly BtfDifference[] {
  const wanted = options.names && new Set(options.names)
  const [old, now] = [collect(before, wanted), collect(after, wanted)]
  const differences: BtfDifference[] = []
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    const [a, b] = withoutEqual(before, old.get(key) ?? [], after, now.get(key) ?? [])
    for (let i = 0; i < Math.max(a.length, b.length); i++) {
      const type = (a[i] ?? b[i])!
      const status = a[i] === undefined ? 'added' : b[i] === undefined ? 'removed' : 'changed'
      const changes = status === 'changed' ? changesOf(before, a[i]!, after, b[i]!) : []
      differences.push({ kind: KIND[type.kind]!, name: type.name, status, changes })
    }
  }
  const order = Object.values(KIND)
  const rank = (one: BtfDifference): number => order.indexOf(one.kind)
  return differences.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

function collect(btf: Btf, wanted: ReadonlySet<string> | undefined): Map<string, BtfType[]> {
  const all = new Map<string, BtfType[]>()
  for (let id = 1; id < btf.length; id++) {
    const kind = KIND[btf.kindOf(id)]
    if (kind === undefined) continue
    const name = btf.nameOf(id)
    if (name === '' || (wanted !== undefined && !wanted.has(name))) continue
    const key = `${kind} ${name}`
    const same = all.get(key)
    if (same === undefined) all.set(key, [btf.type(id)])
    else same.push(btf.type(id))
  }
  return all
}

/** Most types are the only ones of their name; of others, those that are on both sides are of no interest. */
function withoutEqual(
  before: Btf,
  old: readonly BtfType[],
  after: Btf,
  now: readonly BtfType[],
): [readonly BtfType[], readonly BtfType[]] {
  const signatures = new Map<string, BtfType[]>()
  for (const type of now) {
    const key = signature(after, type)
    const same = signatures.get(key)
    if (same === undefined) signatures.set(key, [type])
    else same.push(type)
  }
  const gone: BtfType[] = []
  const matched = new Set<BtfType>()
  for (const type of old) {
    const partner = signatures.get(signature(before, type))?.shift()
    if (partner === undefined) gone.push(type)
    else matched.add(partner)
  }
  return [gone, now.filter((type) => !matched.has(type))]
}

/** Everything that a difference could tell, as text. */
function signature(btf: Btf, type: BtfType): string {
  switch (type.kind) {
    case 'struct':
    case 'union': {
      let text = `${type.size}`
      for (const [name, list] of membersOf(btf, type)) {
        for (const one of list) text += `\n${name} ${one.bitOffset} ${one.bitSize} ${one.type}`
      }
      return text
    }
    case 'enum':
    case 'enum64':
      return `${type.size}\n${type.values.map(({ name, value }) => `${name} ${value}`).join('\n')}`
    case 'typedef':
    case 'func':
    case 'var':
      return typeText(btf, type.type)
    default:
      return ''
  }
}

function changesOf(before: Btf, a: BtfType, after: Btf, b: BtfType): readonly BtfChange[] {
  const changes: BtfChange[] = []
  if ('size' in a && 'size' in b && a.size !== b.size) changes.push({ what: 'size', before: a.size, after: b.size })
  if (isStruct(a) && isStruct(b)) {
    const [old, now] = [membersOf(before, a), membersOf(after, b)]
    for (const name of new Set([...old.keys(), ...now.keys()])) {
      const [was, is] = [old.get(name) ?? [], now.get(name) ?? []]
      for (let i = 0; i < Math.max(was.length, is.length); i++) {
        const [from, to] = [was[i], is[i]]
        if (from && to && from.type === to.type && from.bitOffset === to.bitOffset && from.bitSize === to.bitSize)
          continue
        changes.push({ what: 'member', name, ...(from && { before: from }), ...(to && { after: to }) })
      }
    }
  } else if (isEnum(a) && isEnum(b)) {
    const [old, now] = [valuesOf(a), valuesOf(b)]
    for (const name of new Set([...old.keys(), ...now.keys()])) {
      const [from, to] = [old.get(name), now.get(name)]
      if (from === to) continue
      changes.push({
        what: 'value',
        name,
        ...(from !== undefined && { before: from }),
        ...(to !== undefined && { after: to }),
      })
    }
  } else if ('type' in a && 'type' in b) {
    const [from, to] = [typeText(before, a.type), typeText(after, b.type)]
    if (from !== to) changes.push({ what: 'type', before: from, after: to })
  }
  return changes
}

function isStruct(type: BtfType): type is BtfStruct {
  return type.kind === 'struct' || type.kind === 'union'
}

function isEnum(type: BtfType): type is BtfEnum | BtfEnum64 {
  return type.kind === 'enum' || type.kind === 'enum64'
}

function valuesOf(type: BtfEnum | BtfEnum64): Map<string, bigint> {
  return new Map(type.values.map(({ name, value }) => [name, BigInt(value)]))
}

/** All members that have a name, also those of structs without one that lie in the struct. */
function membersOf(btf: Btf, type: BtfStruct): Map<string, BtfDiffMember[]> {
  const all = new Map<string, BtfDiffMember[]>()
  let seen = 0
  const walk = (struct: BtfStruct, prefix: string, from: number, depth: number): void => {
    for (const member of struct.members) {
      if (++seen > MAX_MEMBERS)
        throw new AnybpfError('ERR_LIMIT', `BTF type ${type.id} has more than ${MAX_MEMBERS} members`)
      const inner = depth < BTF_MAX_DEPTH ? btf.get(member.type) : undefined
      const bitOffset = from + member.bitOffset
      if (member.name !== '') {
        const name = prefix + member.name
        const one = { type: typeText(btf, member.type), bitOffset, bitSize: member.bitSize }
        const same = all.get(name)
        if (same === undefined) all.set(name, [one])
        else same.push(one)
      }
      if (inner !== undefined && isStruct(inner) && inner.name === '') {
        walk(inner, member.name === '' ? prefix : `${prefix}${member.name}.`, bitOffset, depth + 1)
      }
    }
  }
  walk(type, '', 0, 0)
  return all
}
