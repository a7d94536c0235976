/**
 * One row for each kind of BTF type: its number, how large its record is, and what its fields hold. Reading, checking,
 * writing, the layout section and the document are made from it.
 * @see https://docs.kernel.org/bpf/btf.html#type-encoding
 * @module
 */
import { BTF_KINDS, type BtfKind } from './types.ts'

export interface BtfKindRow {
  readonly kind: BtfKind
  /** Bytes after the 12 of `struct btf_type`, however many elements there are. */
  readonly fixed: number
  /** Bytes for each of `vlen` elements. */
  readonly element: number
  /** What the third word of `struct btf_type` is. */
  readonly third: 'size' | 'type' | 'zero'
  /** `vlen`: number of elements, the linkage of a function, or nothing (then it is 0). */
  readonly vlen: 'count' | 'linkage' | 'zero'
  /** What `kind_flag` says; absent where it has to be 0. */
  readonly flag?: string
  readonly name: 'required' | 'optional' | 'none'
  /** What follows `struct btf_type`, in words of 32 bits. */
  readonly data: string
  /** First Linux release that reads it. */
  readonly since: string
  readonly meaning: string
}

function row(kind: BtfKind, rest: Partial<BtfKindRow> & Pick<BtfKindRow, 'name' | 'since' | 'meaning'>): BtfKindRow {
  return { kind, fixed: 0, element: 0, third: 'type', vlen: 'zero', data: 'nothing', ...rest }
}

const MEMBERS = {
  element: 12,
  third: 'size',
  vlen: 'count',
  flag: 'offsets hold a bit field’s width in their upper 8 bits',
  name: 'optional',
  data: 'for each member: name, type, offset in bits',
  since: '4.18',
} as const

/** By number; row 0 is `void`, which has no record. */
export const BTF_KIND_ROWS: readonly BtfKindRow[] = [
  row('void', { third: 'zero', name: 'none', since: '4.18', meaning: 'type id 0; has no record' }),
  row('int', {
    fixed: 4,
    third: 'size',
    name: 'required',
    data: 'one word: encoding (bits 24–27), offset (16–23), bits (0–7)',
    since: '4.18',
    meaning: 'an integer; encoding is 1 signed, 2 char, 4 bool',
  }),
  row('ptr', { name: 'none', since: '4.18', meaning: 'a pointer to the type' }),
  row('array', {
    fixed: 12,
    third: 'zero',
    name: 'none',
    data: 'element type, index type, number of elements',
    since: '4.18',
    meaning: 'an array; 0 elements for a flexible array member',
  }),
  row('struct', { ...MEMBERS, meaning: 'a struct' }),
  row('union', { ...MEMBERS, meaning: 'a union' }),
  row('enum', {
    element: 8,
    third: 'size',
    vlen: 'count',
    flag: 'values are signed',
    name: 'optional',
    data: 'for each enumerator: name, value',
    since: '4.18',
    meaning: 'an enum whose values have at most 32 bits; without enumerators, a declaration',
  }),
  row('fwd', {
    third: 'zero',
    flag: 'a union, not a struct',
    name: 'required',
    since: '4.18',
    meaning: 'a struct or union that is declared and not defined',
  }),
  row('typedef', { name: 'required', since: '4.18', meaning: 'another name of the type' }),
  row('volatile', { name: 'none', since: '4.18', meaning: 'the type, volatile' }),
  row('const', { name: 'none', since: '4.18', meaning: 'the type, const' }),
  row('restrict', { name: 'none', since: '4.18', meaning: 'the pointer type, restrict' }),
  row('func', {
    vlen: 'linkage',
    name: 'required',
    since: '5.0',
    meaning: 'a function of the prototype; vlen is its linkage: 0 static, 1 global, 2 extern',
  }),
  row('func_proto', {
    element: 8,
    vlen: 'count',
    name: 'none',
    data: 'for each parameter: name, type; a last one of 0, 0 is `...`',
    since: '5.0',
    meaning: 'a prototype; the type is what it returns',
  }),
  row('var', {
    fixed: 4,
    name: 'required',
    data: 'linkage: 0 static, 1 global, 2 extern',
    since: '5.2',
    meaning: 'a global variable of the type',
  }),
  row('datasec', {
    element: 12,
    third: 'size',
    vlen: 'count',
    name: 'required',
    data: 'for each variable: its type id, offset and size in bytes',
    since: '5.2',
    meaning: 'a section and the variables (or extern functions) in it',
  }),
  row('float', { third: 'size', name: 'required', since: '5.13', meaning: 'a floating-point number' }),
  row('decl_tag', {
    fixed: 4,
    flag: 'the name is a whole attribute, not the argument of `btf_decl_tag`',
    name: 'required',
    data: 'component index: of a member or parameter; −1 for the declaration itself',
    since: '5.16',
    meaning: 'an attribute, its text the name, on a struct, union, member, variable, function, parameter or typedef',
  }),
  row('type_tag', {
    flag: 'the name is a whole attribute, not the argument of `btf_type_tag`',
    name: 'required',
    since: '5.17',
    meaning: 'the type with an attribute, its text the name',
  }),
  row('enum64', {
    element: 12,
    third: 'size',
    vlen: 'count',
    flag: 'values are signed',
    name: 'optional',
    data: 'for each enumerator: name, value’s low half, high half',
    since: '6.0',
    meaning: 'an enum of which a value has more than 32 bits',
  }),
]

/** Number of a kind in a file. */
export const BTF_KIND_NUMBERS: Readonly<Record<BtfKind, number>> = Object.fromEntries(
  [...BTF_KINDS, 'unknown' as const].map((kind, number) => [kind, number]),
) as Record<BtfKind, number>

/* struct btf_type: name_off u32 | info u32 | size or type u32; info: kind_flag 31 | kind 30..24 | vlen 23..0 */
export const INFO_KIND_SHIFT = 24
export const INFO_KIND_MASK = 0x7f
export const INFO_VLEN_MASK = 0xffffff
