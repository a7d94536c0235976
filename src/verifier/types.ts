/**
 * What a register may hold: a base type in the low byte, and flags above it that say more of a pointer.
 *
 * ```
 *  31                                     8 7            0
 * +----------------------------------------+--------------+
 * |  flags: MAYBE_NULL, RDONLY, TRUSTED …  |  base type   |
 * +----------------------------------------+--------------+
 * ```
 * The split, and the names, are those that kernel developers and logs use.
 * @see https://docs.kernel.org/bpf/verifier.html#register-value-tracking
 * @module
 */

export const BASE_TYPE_MASK = 0xff

/** Base types. */
export const NOT_INIT = 0
export const SCALAR_VALUE = 1
export const PTR_TO_CTX = 2
export const CONST_PTR_TO_MAP = 3
export const PTR_TO_MAP_VALUE = 4
export const PTR_TO_MAP_KEY = 5
export const PTR_TO_STACK = 6
export const PTR_TO_PACKET_META = 7
export const PTR_TO_PACKET = 8
export const PTR_TO_PACKET_END = 9
export const PTR_TO_FLOW_KEYS = 10
export const PTR_TO_SOCKET = 11
export const PTR_TO_SOCK_COMMON = 12
export const PTR_TO_TCP_SOCK = 13
export const PTR_TO_TP_BUFFER = 14
export const PTR_TO_XDP_SOCK = 15
/** A pointer to a typed kernel object: `Reg.btf` tells the type. */
export const PTR_TO_BTF_ID = 16
/** Memory of a known size: ring-buffer records, arguments of global functions, `raw` input. */
export const PTR_TO_MEM = 17
export const PTR_TO_ARENA = 18
/** A buffer whose size is not known here: checked by the largest access. */
export const PTR_TO_BUF = 19
export const PTR_TO_FUNC = 20
export const CONST_PTR_TO_DYNPTR = 21

/** Flags. */
export const PTR_MAYBE_NULL = 1 << 8
export const MEM_RDONLY = 1 << 9
export const MEM_RINGBUF = 1 << 10
export const MEM_USER = 1 << 11
export const MEM_PERCPU = 1 << 12
export const PTR_UNTRUSTED = 1 << 13
/** An allocated object (`bpf_obj_new`). */
export const MEM_ALLOC = 1 << 14
export const PTR_TRUSTED = 1 << 15
export const MEM_RCU = 1 << 16
/** A non-owning reference to an object in a list or tree. */
export const NON_OWN_REF = 1 << 17
export const DYNPTR_LOCAL = 1 << 18
export const DYNPTR_RINGBUF = 1 << 19
export const DYNPTR_SKB = 1 << 20
export const DYNPTR_XDP = 1 << 21
export const DYNPTR_SKB_META = 1 << 22

export const DYNPTR_FLAGS = DYNPTR_LOCAL | DYNPTR_RINGBUF | DYNPTR_SKB | DYNPTR_XDP | DYNPTR_SKB_META
/** Memory that is a part of a packet, got through a dynptr. */
export const PACKET_SLICE = DYNPTR_SKB | DYNPTR_XDP | DYNPTR_SKB_META

/** A base type with flags. */
export type RegType = number

export function baseType(type: RegType): number {
  return type & BASE_TYPE_MASK
}

export function typeFlags(type: RegType): number {
  return type & ~BASE_TYPE_MASK
}

export function maybeNull(type: RegType): boolean {
  return (type & PTR_MAYBE_NULL) !== 0
}

export function isPacketPointer(type: RegType): boolean {
  return type === PTR_TO_PACKET || type === PTR_TO_PACKET_META
}

/** Contents of one byte of stack. Eight of them, four bits each, lowest address in the lowest bits, are a slot's `bytes`. */
export const STACK_INVALID = 0
/** A spilled register, kept whole in `StackSlot.reg`. */
export const STACK_SPILL = 1
/** Written, value not tracked. */
export const STACK_MISC = 2
export const STACK_ZERO = 3
export const STACK_DYNPTR = 4
export const STACK_ITER = 5
export const STACK_IRQ_FLAG = 6

const TYPE_NAMES: readonly string[] = [
  '?',
  'scalar',
  'ctx',
  'map_ptr',
  'map_value',
  'map_key',
  'fp',
  'pkt_meta',
  'pkt',
  'pkt_end',
  'flow_keys',
  'sock',
  'sock_common',
  'tcp_sock',
  'tp_buffer',
  'xdp_sock',
  'ptr_',
  'mem',
  'arena',
  'buf',
  'func',
  'dynptr_ptr',
]

/** A type as Linux's messages name it: `map_value_or_null`, `rdonly_mem`, `trusted_ptr_` (the name of the BTF type follows). */
export function regTypeName(type: RegType): string {
  const base = baseType(type)
  let name = TYPE_NAMES[base] ?? '?'
  if (maybeNull(type)) name += base === PTR_TO_BTF_ID ? 'or_null_' : '_or_null'
  if (type & PTR_TRUSTED) name = `trusted_${name}`
  if (type & PTR_UNTRUSTED) name = `untrusted_${name}`
  if (type & MEM_RCU) name = `rcu_${name}`
  if (type & MEM_PERCPU) name = `percpu_${name}`
  if (type & MEM_USER) name = `user_${name}`
  if (type & MEM_RINGBUF) name = `ringbuf_${name}`
  return type & MEM_RDONLY ? `rdonly_${name}` : name
}
