/**
 * The rule by which loads from and stores to a context are judged: a table says of each field in what portions it may be
 * loaded and stored, what a load of it gives, and which programs may do so. One function reads it.
 *
 * ```
 * field     load   store  gives   unix  inet4     a column for each view: what a kind of program may do, `r`, `rw` or `-`
 * user_ip4  parts  whole  -       -     rw
 * *         whole  -      -       r     r         every field that has no row
 * ```
 * Portions are aligned to their own size and lie within the field (an array is one field):
 * - `whole`: the field, or one element of an array
 * - `parts`: that, or 1, 2, 4 bytes of it anywhere
 * - `halves`: that, or 2 bytes of it anywhere
 * - `head`: that, or fewer bytes from its beginning
 * - `tail`: that, or parts that do not begin where it begins; only the whole is what `gives` says
 * - `span`: anything, also two elements of an array at once
 * - `words`: the field, or 8 bytes of an array
 * - `padded`: parts, or 4 bytes that begin with it (2 bytes followed by padding)
 * - `slot`: parts of the 4 bytes that the field and the padding behind it fill
 * @module
 */
import type { ContextAccess, ContextField, ContextLayout, ContextValue } from '../types.ts'

const PORTIONS = ['whole', 'parts', 'halves', 'head', 'tail', 'span', 'words', 'padded', 'slot'] as const

export type Portion = (typeof PORTIONS)[number]

/** A field as one kind of program sees it. */
export interface FieldRule {
  readonly field: ContextField
  /** Undefined: must not be loaded, stored. */
  readonly load: Portion | undefined
  readonly store: Portion | undefined
  /** What a load of the whole field gives. */
  readonly gives: ContextAccess
}

/** A context as one kind of program sees it: what it cannot do with a field it cannot do at all. */
export class ContextView {
  readonly layout: ContextLayout
  readonly rules: readonly FieldRule[]
  /** For each byte of the context the rule, counted from 1; 0: none. */
  private readonly ruleAt: Uint8Array

  constructor(layout: ContextLayout, rules: readonly FieldRule[]) {
    this.layout = layout
    this.rules = rules
    this.ruleAt = new Uint8Array(layout.size)
    rules.forEach(({ field, load, store }, i) => {
      this.ruleAt.fill(i + 1, field.offset, endOf(field, load === 'slot' || store === 'slot'))
    })
  }

  /** What a load or a store of `size` bytes at `offset` gives; undefined if it is refused. */
  access(offset: number, size: number, write: boolean): ContextAccess | undefined {
    const rule = this.rules[(this.ruleAt[offset] ?? 0) - 1]
    if (rule === undefined || offset % size !== 0) return undefined
    const portion = write ? rule.store : rule.load
    if (portion === undefined || !isPortion(rule.field, portion, offset, size)) return undefined
    return size === rule.field.size ? rule.gives : SCALAR
  }
}

const SCALAR: ContextAccess = { value: 'scalar' }

function endOf(field: ContextField, padded: boolean): number {
  const end = field.offset + field.size * (field.count ?? 1)
  return padded ? (end + 3) & ~3 : end
}

/** Whether the bytes, aligned to their size and beginning within the field, are such a portion of it. */
function isPortion(field: ContextField, portion: Portion, offset: number, size: number): boolean {
  const begins = (offset - field.offset) % field.size === 0
  if (portion === 'padded' && offset === field.offset && size === 4) return true
  if (offset + size > endOf(field, portion === 'slot')) return false
  switch (portion) {
    case 'whole':
      return size === field.size && begins
    case 'parts':
    case 'padded':
      return size <= field.size
    case 'halves':
      return size <= field.size && size >= 2
    case 'head':
      return size <= field.size && begins
    case 'tail':
      return size === field.size ? begins : size < field.size && !begins
    case 'words':
      return size >= field.size && begins
    case 'slot':
      return size <= 4
    case 'span':
      return true
  }
}

/** The views of an access table, by name. Throws an Error for a table that does not fit the layout. */
export function parseAccessTable(layout: ContextLayout, text: string): ReadonlyMap<string, ContextView> {
  const [titles = [], ...rows] = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/ +/))
  const fields = new Map(layout.fields.map((field) => [field.name, field]))
  const named = new Set(rows.map(([name]) => name))
  for (const name of named) {
    if (name !== '*' && !fields.has(name!)) throw new Error(`${layout.name} has no field ${name}`)
  }
  const views = new Map<string, ContextView>()
  for (let column = 4; column < titles.length; column++) {
    const rules: FieldRule[] = []
    for (const row of rows) {
      const allowed = row[column]
      if (allowed === '-') continue
      if (allowed !== 'r' && allowed !== 'rw') throw new Error(`${layout.name}.${row[0]}: not a permission: ${allowed}`)
      const subjects = row[0] === '*' ? layout.fields.filter(({ name }) => !named.has(name)) : [fields.get(row[0]!)!]
      for (const field of subjects) {
        rules.push({
          field,
          load: portionOf(row[1]!),
          store: allowed === 'rw' ? portionOf(row[2]!) : undefined,
          gives: givesOf(row[3]!, field),
        })
      }
    }
    views.set(titles[column]!, new ContextView(layout, rules))
  }
  return views
}

function portionOf(word: string): Portion | undefined {
  if (word === '-') return undefined
  const portion = PORTIONS.find((name) => name === word)
  if (portion === undefined) throw new Error(`not a portion of a field: ${word}`)
  return portion
}

/** `-` is what the layout says: a pointer into the packet, or a scalar. `trusted_btf:NAME` names a kernel type. */
function givesOf(word: string, field: ContextField): ContextAccess {
  if (word === '-') return pointerAccess(field)
  const [kind, btfType] = word.split(':')
  if (btfType === undefined) return { value: kind as ContextValue }
  return { value: 'btf', btfType, ...(kind === 'trusted_btf' && { trusted: true as const }) }
}

/** What a field gives by its layout alone. Sockets may be missing; what points into a kernel is but a number. */
export function pointerAccess(field: ContextField): ContextAccess {
  switch (field.pointer) {
    case undefined:
    case 'kernel':
      return SCALAR
    case 'socket':
      return { value: 'socket_or_null' }
    default:
      return { value: field.pointer }
  }
}
