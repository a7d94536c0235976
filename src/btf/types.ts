/**
 * BTF types as data: a closed union to switch on by `kind`, one member for each of the nineteen kinds.
 *
 * Every type has `id` and `name` (`''` where the kind has none, or the type is anonymous). Type id 0 is `void`. `parseBtf`
 * gives only types whose references exist and make sense.
 * @see https://docs.kernel.org/bpf/btf.html
 * @module
 */

/** Index into the list of types of a `Btf`; 0 is `void`. */
export type BtfTypeId = number

export interface BtfVoid {
  readonly kind: 'void'
  readonly id: BtfTypeId
  readonly name: string
}

/** An integer of `size` bytes, of which `bits` bits from bit `offset` are the value (normally all of them). */
export interface BtfInt {
  readonly kind: 'int'
  readonly id: BtfTypeId
  readonly name: string
  readonly size: number
  readonly bits: number
  readonly offset: number
  readonly signed: boolean
  readonly char: boolean
  readonly bool: boolean
}

export interface BtfPtr {
  readonly kind: 'ptr'
  readonly id: BtfTypeId
  readonly name: string
  readonly type: BtfTypeId
}

export interface BtfArray {
  readonly kind: 'array'
  readonly id: BtfTypeId
  readonly name: string
  readonly type: BtfTypeId
  readonly indexType: BtfTypeId
  /** Elements; 0 for a flexible array member. */
  readonly count: number
}

/** A member of a struct or union. */
export interface BtfMember {
  /** `''` for an anonymous struct or union, whose members are visible in the outer one. */
  readonly name: string
  readonly type: BtfTypeId
  /** From the start of the struct, in bits. */
  readonly bitOffset: number
  /** Width of a bit field in bits; 0 for an ordinary member. */
  readonly bitSize: number
}

export interface BtfStruct {
  readonly kind: 'struct' | 'union'
  readonly id: BtfTypeId
  readonly name: string
  readonly size: number
  /** Whether the file encodes bit fields in the members' offsets (`kind_flag`). */
  readonly kindFlag: boolean
  readonly members: readonly BtfMember[]
}

export interface BtfEnumerator {
  readonly name: string
  readonly value: number
}

/** An enum of up to 32 bits; values are signed 32-bit numbers if `signed`, else unsigned. */
export interface BtfEnum {
  readonly kind: 'enum'
  readonly id: BtfTypeId
  readonly name: string
  readonly size: number
  readonly signed: boolean
  readonly values: readonly BtfEnumerator[]
}

export interface BtfEnumerator64 {
  readonly name: string
  readonly value: bigint
}

export interface BtfEnum64 {
  readonly kind: 'enum64'
  readonly id: BtfTypeId
  readonly name: string
  readonly size: number
  readonly signed: boolean
  readonly values: readonly BtfEnumerator64[]
}

/** A declaration without a definition. */
export interface BtfFwd {
  readonly kind: 'fwd'
  readonly id: BtfTypeId
  readonly name: string
  readonly target: 'struct' | 'union'
}

export interface BtfTypedef {
  readonly kind: 'typedef'
  readonly id: BtfTypeId
  readonly name: string
  readonly type: BtfTypeId
}

export interface BtfQualifier {
  readonly kind: 'volatile' | 'const' | 'restrict'
  readonly id: BtfTypeId
  readonly name: string
  readonly type: BtfTypeId
}

export type BtfLinkage = 'static' | 'global' | 'extern'

export interface BtfFunc {
  readonly kind: 'func'
  readonly id: BtfTypeId
  readonly name: string
  /** A `func_proto`. */
  readonly type: BtfTypeId
  readonly linkage: BtfLinkage
}

export interface BtfParam {
  readonly name: string
  readonly type: BtfTypeId
}

export interface BtfFuncProto {
  readonly kind: 'func_proto'
  readonly id: BtfTypeId
  readonly name: string
  readonly returnType: BtfTypeId
  readonly params: readonly BtfParam[]
  /** Ends with `...`, which is not among `params`. */
  readonly variadic: boolean
}

export interface BtfVar {
  readonly kind: 'var'
  readonly id: BtfTypeId
  readonly name: string
  readonly type: BtfTypeId
  readonly linkage: BtfLinkage
}

/** A variable in a section: `offset` and `size` in bytes. Compilers leave `offset` 0, to be filled in by a linker. */
export interface BtfSectionVariable {
  /** A `var`, or a `func` in a section of extern functions. */
  readonly type: BtfTypeId
  readonly offset: number
  readonly size: number
}

export interface BtfDatasec {
  readonly kind: 'datasec'
  readonly id: BtfTypeId
  readonly name: string
  readonly size: number
  readonly variables: readonly BtfSectionVariable[]
}

export interface BtfFloat {
  readonly kind: 'float'
  readonly id: BtfTypeId
  readonly name: string
  readonly size: number
}

/** An attribute (`name` is its text) on a declaration: on `type` itself, or on its member or parameter. */
export interface BtfDeclTag {
  readonly kind: 'decl_tag'
  readonly id: BtfTypeId
  readonly name: string
  readonly type: BtfTypeId
  /** Index of the member or parameter; -1 for the declaration itself. */
  readonly componentIndex: number
  /** `kind_flag`: the text is a whole `__attribute__`, not the argument of `btf_decl_tag`. */
  readonly attribute: boolean
}

/** An attribute (`name` is its text) on a type. */
export interface BtfTypeTag {
  readonly kind: 'type_tag'
  readonly id: BtfTypeId
  readonly name: string
  readonly type: BtfTypeId
  /** `kind_flag`: the text is a whole `__attribute__`, not the argument of `btf_type_tag`. */
  readonly attribute: boolean
}

/** A kind newer than this reader, which the file's layout section says how to step over. */
export interface BtfUnknown {
  readonly kind: 'unknown'
  readonly id: BtfTypeId
  readonly name: string
  readonly kindNumber: number
  readonly kindFlag: boolean
  readonly count: number
  readonly sizeOrType: number
  readonly data: Uint8Array
}

export type BtfType =
  | BtfVoid
  | BtfInt
  | BtfPtr
  | BtfArray
  | BtfStruct
  | BtfEnum
  | BtfEnum64
  | BtfFwd
  | BtfTypedef
  | BtfQualifier
  | BtfFunc
  | BtfFuncProto
  | BtfVar
  | BtfDatasec
  | BtfFloat
  | BtfDeclTag
  | BtfTypeTag
  | BtfUnknown

export type BtfKind = BtfType['kind']

/** The type of a given kind, or of one of several: `BtfTypeOf<'struct' | 'union'>` is `BtfStruct`. */
export type BtfTypeOf<K extends BtfKind, T extends BtfType = BtfType> = T extends { readonly kind: infer TK }
  ? [Extract<K, TK>] extends [never]
    ? never
    : T
  : never

/** Kinds by their number in the file; 0 is `void`. */
export const BTF_KINDS = [
  'void',
  'int',
  'ptr',
  'array',
  'struct',
  'union',
  'enum',
  'fwd',
  'typedef',
  'volatile',
  'const',
  'restrict',
  'func',
  'func_proto',
  'var',
  'datasec',
  'float',
  'decl_tag',
  'type_tag',
  'enum64',
] as const satisfies readonly BtfKind[]
