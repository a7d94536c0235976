/**
 * The thirteen kinds of CO-RE relocation: what each asks of the target's types, and what it is where the answer is "not
 * there".
 * @see https://docs.kernel.org/bpf/llvm_reloc.html#co-re-relocations
 * @module
 */

/** What a relocation is about: a field reached by an access string, a whole type, or an enumerator. */
export type CoreSubject = 'field' | 'type' | 'enumerator'

export interface CoreRelocationKind {
  /** `enum bpf_core_relo_kind`. */
  readonly number: number
  /** As logs of libbpf have it. */
  readonly name: string
  readonly constant: string
  readonly subject: CoreSubject
  /** The number that goes into the instruction. */
  readonly value: string
  /** What becomes of the instruction where no type of the target matches. */
  readonly missing: '0' | 'poison' | 'never'
  /** How C asks for it, with libbpf's `bpf_core_read.h`. */
  readonly c: string
}

export const CORE_RELOCATION_KINDS = [
  {
    number: 0,
    name: 'byte_off',
    constant: 'BPF_CORE_FIELD_BYTE_OFFSET',
    subject: 'field',
    value: 'offset of the field in bytes; of a bit field, of the integer to load',
    missing: 'poison',
    c: '`preserve_access_index`, `BPF_CORE_READ`, `bpf_core_field_offset`',
  },
  {
    number: 1,
    name: 'byte_sz',
    constant: 'BPF_CORE_FIELD_BYTE_SIZE',
    subject: 'field',
    value: 'bytes of the field; of a bit field, of the integer to load',
    missing: 'poison',
    c: '`bpf_core_field_size`',
  },
  {
    number: 2,
    name: 'field_exists',
    constant: 'BPF_CORE_FIELD_EXISTS',
    subject: 'field',
    value: '1',
    missing: '0',
    c: '`bpf_core_field_exists`',
  },
  {
    number: 3,
    name: 'signed',
    constant: 'BPF_CORE_FIELD_SIGNED',
    subject: 'field',
    value: '1 if the field is a signed integer or enum, else 0',
    missing: 'poison',
    c: '`BPF_CORE_READ_BITFIELD`',
  },
  {
    number: 4,
    name: 'lshift_u64',
    constant: 'BPF_CORE_FIELD_LSHIFT_U64',
    subject: 'field',
    value: 'bits to shift left, so that the field begins at the highest bit of 64',
    missing: 'poison',
    c: '`BPF_CORE_READ_BITFIELD`',
  },
  {
    number: 5,
    name: 'rshift_u64',
    constant: 'BPF_CORE_FIELD_RSHIFT_U64',
    subject: 'field',
    value: 'bits to shift right after that',
    missing: 'poison',
    c: '`BPF_CORE_READ_BITFIELD`',
  },
  {
    number: 6,
    name: 'local_type_id',
    constant: 'BPF_CORE_TYPE_ID_LOCAL',
    subject: 'type',
    value: 'id of the type in the object’s own BTF',
    missing: 'never',
    c: '`bpf_core_type_id_local`',
  },
  {
    number: 7,
    name: 'target_type_id',
    constant: 'BPF_CORE_TYPE_ID_TARGET',
    subject: 'type',
    value: 'id of the type in the target’s BTF',
    missing: '0',
    c: '`bpf_core_type_id_kernel`',
  },
  {
    number: 8,
    name: 'type_exists',
    constant: 'BPF_CORE_TYPE_EXISTS',
    subject: 'type',
    value: '1 if a compatible type of that name exists',
    missing: '0',
    c: '`bpf_core_type_exists`',
  },
  {
    number: 9,
    name: 'type_size',
    constant: 'BPF_CORE_TYPE_SIZE',
    subject: 'type',
    value: 'bytes of the type',
    missing: '0',
    c: '`bpf_core_type_size`',
  },
  {
    number: 10,
    name: 'enumval_exists',
    constant: 'BPF_CORE_ENUMVAL_EXISTS',
    subject: 'enumerator',
    value: '1',
    missing: '0',
    c: '`bpf_core_enum_value_exists`',
  },
  {
    number: 11,
    name: 'enumval_value',
    constant: 'BPF_CORE_ENUMVAL_VALUE',
    subject: 'enumerator',
    value: 'value of the enumerator',
    missing: 'poison',
    c: '`bpf_core_enum_value`',
  },
  {
    number: 12,
    name: 'type_matches',
    constant: 'BPF_CORE_TYPE_MATCHES',
    subject: 'type',
    value: '1 if a type of that name has all that the local one has',
    missing: '0',
    c: '`bpf_core_type_matches`',
  },
] as const satisfies readonly CoreRelocationKind[]

export type CoreKindName = (typeof CORE_RELOCATION_KINDS)[number]['name']

/** The kind with this number; undefined for one that is newer than this table. */
export function coreRelocationKind(number: number): (typeof CORE_RELOCATION_KINDS)[number] | undefined {
  return CORE_RELOCATION_KINDS[number]
}
