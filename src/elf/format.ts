/**
 * The numbers of the ELF format that BPF objects use.
 * @see https://gabi.xinuos.com/ (System V ABI, generic part)
 * @see https://docs.kernel.org/bpf/standardization/abi.html and https://docs.kernel.org/bpf/llvm_reloc.html for BPF's own
 * @module
 */

export const ELF_CLASS_64 = 2
export const ELF_DATA_LITTLE = 1
export const ELF_DATA_BIG = 2

/** `e_type`. */
export const ELF_TYPE_RELOCATABLE = 1

/** `e_machine`. */
export const ELF_MACHINE_NONE = 0
export const ELF_MACHINE_BPF = 247

/** `sh_type`. */
export const SECTION_TYPE = {
  null: 0,
  progbits: 1,
  symtab: 2,
  strtab: 3,
  rela: 4,
  nobits: 8,
  rel: 9,
  dynsym: 11,
  symtabShndx: 18,
  llvmAddrsig: 0x6fff4c03,
} as const

/** `sh_flags`. */
export const SECTION_FLAG = {
  write: 1,
  alloc: 2,
  execute: 4,
  /** `sh_info` is the number of a section. */
  infoLink: 0x40,
  compressed: 0x800,
} as const

/** Special section indexes. */
export const SECTION_UNDEFINED = 0
export const SECTION_RESERVED = 0xff00
export const SECTION_ABSOLUTE = 0xfff1
export const SECTION_COMMON = 0xfff2
export const SECTION_EXTENDED = 0xffff

/** Low nibble of `st_info`, by number; others read as `other`. */
export const SYMBOL_TYPES = ['notype', 'object', 'func', 'section', 'file'] as const
export type SymbolType = (typeof SYMBOL_TYPES)[number] | 'other'

/** High nibble of `st_info`, by number; others read as `other`. */
export const SYMBOL_BINDINGS = ['local', 'global', 'weak'] as const
export type SymbolBinding = (typeof SYMBOL_BINDINGS)[number] | 'other'

/** Low two bits of `st_other`. */
export const SYMBOL_VISIBILITIES = ['default', 'internal', 'hidden', 'protected'] as const
export type SymbolVisibility = (typeof SYMBOL_VISIBILITIES)[number]

/** Relocation types of BPF. */
export const BPF_RELOCATION = {
  none: 0,
  /** The 64-bit immediate of an `lddw`. */
  r64_64: 1,
  /** Eight bytes of data. */
  abs64: 2,
  /** Four bytes of data. */
  abs32: 3,
  /** Four bytes of `.BTF` or `.BTF.ext`, which are right as they stand in a relocatable file. */
  nodyld32: 4,
  /** The immediate of a call. */
  r64_32: 10,
} as const
