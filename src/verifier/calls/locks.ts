/**
 * Critical sections of spin locks. One `bpf_spin_lock` may be held at a time; `bpf_res_spin_lock`s nest, and are released
 * in the opposite order.
 * @see https://docs.ebpf.io/linux/concepts/concurrency/
 * @module
 */
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import type { Reference, State } from '../state.ts'
import { PTR_TO_MAP_VALUE } from '../types.ts'
import { fixedOffset } from './pointers.ts'
import { findField, regRecord } from './record.ts'
import { invalidateNonOwning } from './references.ts'

export type LockKind = 'lock' | 'res_lock' | 'res_lock_irq'

function isLock(reference: Reference): boolean {
  return reference.kind !== 'object' && reference.kind !== 'irq'
}

/** Whether this very lock is held: the same object by identity, in the same map or type. */
export function holdsLock(state: State, id: number, owner: object | undefined, ...kinds: LockKind[]): boolean {
  return state.references.some(
    (one) => isLock(one) && kinds.includes(one.kind as LockKind) && one.id === id && one.owner === owner,
  )
}

function releaseLock(state: State, kind: LockKind, id: number, owner: object): boolean {
  const at = state.references.findIndex((one) => one.kind === kind && one.id === id && one.owner === owner)
  if (at < 0) return false
  const before = state.references.slice(0, at).findLast(isLock)
  state.references = state.references.filter((_, i) => i !== at)
  state.activeLocks--
  state.activeLockId = before?.id ?? 0
  state.activeLockOwner = before?.owner
  return true
}

/** `bpf_spin_lock(r<regno>)`, or unlock, or one of their `res` sisters. */
export function checkSpinLock(env: Environment, regno: number, kind: LockKind, lock: boolean): void {
  const reg = env.cur.reg(regno)
  const state = env.cur
  const resilient = kind !== 'lock'
  const name = resilient ? 'bpf_res_spin' : 'bpf_spin'
  const facts = { regno }
  if (!reg.scalar.isConstant) {
    reject(
      'lock_missing',
      `R${regno} doesn't have constant offset. ${name}_lock has to be at the constant offset`,
      facts,
    )
  }
  const map = reg.type === PTR_TO_MAP_VALUE ? reg.map : undefined
  if (map !== undefined && map.btf === undefined) {
    reject('lock_missing', `map '${map.name}' has to have BTF in order to use ${name}_lock`, facts)
  }
  const field = findField(regRecord(reg), resilient ? 'res_spin_lock' : 'spin_lock')
  if (field === undefined) {
    reject('lock_missing', `${map ? 'map' : 'local'} '${map ? map.name : 'kptr'}' has no valid ${name}_lock`, facts)
  }
  const at = fixedOffset(reg)
  if (at !== field.offset) {
    reject('lock_missing', `off ${at} doesn't point to 'struct ${name}_lock' that is at ${field.offset}`, facts)
  }
  const owner: object = map ?? reg.btf.btf
  if (lock) {
    // No helper is called while a lock is held, so a `bpf_spin_lock` is taken alone; the others are kernel functions.
    if (resilient && holdsLock(state, reg.id, owner, 'res_lock', 'res_lock_irq')) {
      reject('lock_held', 'Acquiring the same lock again, AA deadlock detected', facts)
    }
    state.references = [...state.references, { kind, id: reg.id, insn: env.insn, owner }]
    state.activeLocks++
    state.activeLockId = reg.id
    state.activeLockOwner = owner
    return
  }
  if (state.activeLocks === 0) reject('lock_missing', `${name}_unlock without taking a lock`, facts)
  if (!holdsLock(state, reg.id, owner, kind)) reject('lock_missing', `${name}_unlock of different lock`, facts)
  if (reg.id !== state.activeLockId || owner !== state.activeLockOwner) {
    reject('lock_held', `${name}_unlock cannot be out of order`, facts)
  }
  releaseLock(state, kind, reg.id, owner)
  invalidateNonOwning(env)
}
