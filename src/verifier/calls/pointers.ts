/**
 * Where a pointer that is handed to a function may point: most have to be handed on as they were got.
 * @module
 */
import type { Environment } from '../environment.ts'
import { tnumText } from '../memory/text.ts'
import { reject } from '../rejection.ts'
import type { Reg } from '../state.ts'
import {
  baseType,
  CONST_PTR_TO_MAP,
  MEM_ALLOC,
  MEM_RCU,
  MEM_RDONLY,
  MEM_RINGBUF,
  NON_OWN_REF,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TRUSTED,
  regTypeName,
  SCALAR_VALUE,
  typeFlags,
} from '../types.ts'

/** The whole offset of a pointer whose variable part is a constant. */
export function fixedOffset(reg: Reg): number {
  return reg.off + reg.scalar.constant
}

/** The pointer is as it was got; with `fixedAllowed`, a constant not below zero may have been added. */
export function checkPointerOffset(_env: Environment, reg: Reg, regno: number, fixedAllowed: boolean): void {
  const { off } = reg
  if (reg.scalar.isZero && (off === 0 || (fixedAllowed && off > 0))) return
  const facts = { regno, off }
  const name = regTypeName(reg.type)
  const code = baseType(reg.type) === PTR_TO_CTX ? 'context_modified' : 'pointer_offset'
  if (off < 0) {
    reject(code, `negative offset ${name} ptr R${regno} off=${off} disallowed`, facts)
  }
  if (!fixedAllowed && off !== 0) {
    reject(code, `dereference of modified ${name} ptr R${regno} off=${off} disallowed`, facts)
  }
  reject(code, `variable ${name} access var_off=${tnumText(reg.scalar)} disallowed`, facts)
}

/** Where arguments of these types may point is checked with the access. */
const ANY_OFFSET: ReadonlySet<number> = new Set([
  PTR_TO_STACK,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_MEM | MEM_RDONLY,
  PTR_TO_MEM | MEM_RINGBUF,
  PTR_TO_BUF,
  PTR_TO_BUF | MEM_RDONLY,
  PTR_TO_ARENA,
  SCALAR_VALUE,
])

const FIXED_OFFSET: ReadonlySet<number> = new Set([
  PTR_TO_BTF_ID,
  PTR_TO_BTF_ID | MEM_ALLOC,
  PTR_TO_BTF_ID | PTR_TRUSTED,
  PTR_TO_BTF_ID | MEM_RCU,
  PTR_TO_BTF_ID | MEM_ALLOC | NON_OWN_REF,
  PTR_TO_BTF_ID | MEM_ALLOC | NON_OWN_REF | MEM_RCU,
])

/** Registers that are not BTF pointers, but that kernel functions take for ones to these structures. */
export const STRUCTS_OF_BASES: ReadonlyMap<number, string> = new Map([
  [PTR_TO_SOCKET, 'sock'],
  [PTR_TO_SOCK_COMMON, 'sock_common'],
  [PTR_TO_TCP_SOCK, 'tcp_sock'],
  [CONST_PTR_TO_MAP, 'bpf_map'],
])

export const TRUSTED_FLAGS = MEM_ALLOC | PTR_TRUSTED | NON_OWN_REF

/** The object is there for as long as the pointer is: it was acquired, or is given as such. */
export function isTrusted(reg: Reg): boolean {
  if (reg.refObjId !== 0) return true
  const flags = typeFlags(reg.type)
  if ((flags & ~TRUSTED_FLAGS) !== 0) return false
  return STRUCTS_OF_BASES.has(baseType(reg.type)) || (flags & TRUSTED_FLAGS) !== 0
}

/** How an argument is used, as far as its offset goes. */
export type ArgumentUse = 'plain' | 'release' | 'release_dynptr'

/** The offset of an argument suits its type, and what is done with it. */
export function checkArgumentOffset(env: Environment, reg: Reg, regno: number, use: ArgumentUse): void {
  if (use !== 'plain') {
    if (use === 'release_dynptr' && reg.type === PTR_TO_STACK) return
    if (reg.off !== 0) {
      const message = `R${regno} must have zero offset when passed to release func or trusted arg to kfunc`
      reject('invalid_release', message, { regno, off: reg.off })
    }
    checkPointerOffset(env, reg, regno, false)
    return
  }
  if (ANY_OFFSET.has(reg.type)) return
  checkPointerOffset(env, reg, regno, FIXED_OFFSET.has(reg.type))
}
