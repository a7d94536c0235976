/**
 * How far a pointer to a kernel object may be relied upon: while what it points at cannot go away, and where a pointer
 * that was read from it may be relied upon as well.
 * @see https://docs.kernel.org/bpf/kfuncs.html
 * @module
 */
import type { BtfTypeId } from '../../btf/index.ts'
import type { Environment } from '../environment.ts'
import type { BtfTypeRef, Reg } from '../state.ts'
import {
  baseType,
  CONST_PTR_TO_MAP,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_USER,
  maybeNull,
  NON_OWN_REF,
  PTR_MAYBE_NULL,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TCP_SOCK,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  type RegType,
  typeFlags,
} from '../types.ts'

const TRUSTED_FLAGS = MEM_ALLOC | PTR_TRUSTED | NON_OWN_REF

/** The program may sleep here. */
export function mayBeSleepable(env: Environment): boolean {
  return env.program.sleepable === true || env.cur.inSleepable
}

/** What RCU protects stays until the end of the section: explicit, under a lock, or all of a program that cannot sleep. */
export function inRcuSection(env: Environment): boolean {
  return env.cur.activeRcuLocks > 0 || env.cur.activeLocks > 0 || !mayBeSleepable(env)
}

/** What the register points at is there. */
export function isTrusted(reg: Reg): boolean {
  if (reg.refObjId !== 0) return true
  const flags = typeFlags(reg.type)
  if ((flags & ~TRUSTED_FLAGS) !== 0) return false
  const base = baseType(reg.type)
  return (
    (flags & TRUSTED_FLAGS) !== 0 ||
    base === PTR_TO_SOCKET ||
    base === PTR_TO_SOCK_COMMON ||
    base === PTR_TO_TCP_SOCK ||
    base === CONST_PTR_TO_MAP
  )
}

/**
 * Whether a pointer read from `field` of a trusted object is as the suffix says: the kernel's BTF lists such fields in
 * structures that are named for it (`task_struct__safe_rcu`).
 */
function isListed(owner: BtfTypeRef, field: string, target: BtfTypeId, suffix: string): boolean {
  const { btf } = owner
  const type = btf.type(owner.id)
  if (type.kind !== 'struct' && type.kind !== 'union') return false
  const listed = btf.find(type.name + suffix, type.kind)
  return (
    listed?.members.some((member) => {
      if (member.name !== field) return false
      const pointer = btf.type(member.type)
      return pointer.kind === 'ptr' && btf.resolve(pointer.type).id === target
    }) ?? false
  )
}

/** Flags of a pointer to `target` that was read from `field` of what `reg` points at; `flags`: what the field's tags say. */
export function walkedFlags(env: Environment, reg: Reg, field: string, target: BtfTypeId, flags: RegType): RegType {
  // What comes from an untrusted pointer is untrusted.
  if ((reg.type & PTR_UNTRUSTED) !== 0) return PTR_UNTRUSTED
  const withoutTrust = flags & ~(TRUSTED_FLAGS | MEM_RCU)
  if (!isTrusted(reg) && (reg.type & MEM_RCU) === 0) return withoutTrust
  const owner = reg.btf
  if (isListed(owner, field, target, '__safe_trusted')) return flags | PTR_TRUSTED
  if (isListed(owner, field, target, '__safe_trusted_or_null')) return flags | PTR_TRUSTED | PTR_MAYBE_NULL
  if (!inRcuSection(env) || maybeNull(reg.type)) return PTR_UNTRUSTED
  if (isListed(owner, field, target, '__safe_rcu')) return flags | MEM_RCU
  const rcuOrNull = isListed(owner, field, target, '__safe_rcu_or_null')
  if (rcuOrNull) return (flags | MEM_RCU | PTR_MAYBE_NULL) & ~PTR_UNTRUSTED
  if ((flags & MEM_RCU) !== 0) return flags | PTR_MAYBE_NULL
  return (flags & (MEM_PERCPU | MEM_USER)) !== 0 ? flags : withoutTrust
}
