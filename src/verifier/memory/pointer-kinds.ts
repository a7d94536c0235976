/**
 * Kinds of pointers that one instruction must not mix, and that atomic instructions must not use: accesses through them
 * are rewritten, or may fault.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import {
  baseType,
  MEM_RDONLY,
  NOT_INIT,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  PTR_UNTRUSTED,
  type RegType,
} from '../types.ts'

/** Whether atomic instructions work on what such a pointer points at. */
export function atomicPointerAllowed(type: RegType): boolean {
  switch (type) {
    case PTR_TO_CTX:
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META:
    case PTR_TO_FLOW_KEYS:
    case PTR_TO_SOCKET:
    case PTR_TO_SOCK_COMMON:
    case PTR_TO_TCP_SOCK:
    case PTR_TO_XDP_SOCK:
      return false
    default:
      return true
  }
}

/** The code of an access depends on whether it is one of these. */
function hasOwnCode(type: RegType): boolean {
  switch (baseType(type)) {
    case PTR_TO_CTX:
    case PTR_TO_SOCKET:
    case PTR_TO_SOCK_COMMON:
    case PTR_TO_TCP_SOCK:
    case PTR_TO_XDP_SOCK:
    case PTR_TO_BTF_ID:
    case PTR_TO_ARENA:
      return true
    default:
      return false
  }
}

function isMemoryOrBtf(type: RegType): boolean {
  const base = baseType(type)
  return base === PTR_TO_MEM || base === PTR_TO_BTF_ID
}

/** Remembers what the current instruction was used with; on every path it has to be of one kind. */
export function notePointerType(env: Environment, type: RegType, mayMixTrust: boolean): void {
  const known = env.pointerTypes[env.insn]!
  if (known === type) return
  if (known === NOT_INIT) {
    env.pointerTypes[env.insn] = type
    return
  }
  if (!hasOwnCode(type) && !hasOwnCode(known)) return
  if (!mayMixTrust || !isMemoryOrBtf(type) || !isMemoryOrBtf(known)) {
    reject('mixed_pointers', 'same insn cannot be used with different pointers', { known, type })
  }
  // Code that survives a fault does for both.
  const memory = baseType(type) === PTR_TO_MEM || baseType(known) === PTR_TO_MEM
  env.pointerTypes[env.insn] = (memory ? PTR_TO_MEM : PTR_TO_BTF_ID) | ((type | known) & (PTR_UNTRUSTED | MEM_RDONLY))
}
