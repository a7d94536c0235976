/**
 * What a comparison with NULL teaches: all copies of a pointer that may be NULL become the pointer, or zero.
 * @module
 */
import { constantReg, Reg, StackSlot, type State } from '../state.ts'
import {
  baseType,
  CONST_PTR_TO_MAP,
  MEM_ALLOC,
  NON_OWN_REF,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_VALUE,
  PTR_TO_SOCKET,
  PTR_TO_XDP_SOCK,
} from '../types.ts'
import { findField, mapRecord, regRecord } from './record.ts'
import { forgetReference } from './references.ts'

/** Map types whose values are not bytes: what a look-up gives is an object. Numbers of the Linux platform. */
const MAP_TYPE_SOCKMAP = 15
const MAP_TYPE_XSKMAP = 17
const MAP_TYPE_SOCKHASH = 18

/** A pointer that may be NULL, once it is known not to be. Its id stays: it may be the identity of a lock. */
export function notNull(reg: Reg): Reg {
  if (baseType(reg.type) !== PTR_TO_MAP_VALUE) return reg.withType(reg.type & ~PTR_MAYBE_NULL)
  const { map } = reg
  const { inner } = map
  if (inner !== undefined) {
    // Two look-ups may give two different maps; timers have to stay with theirs.
    const timed = inner.btf !== undefined && findField(mapRecord(inner), 'timer', 'wq', 'task_work') !== undefined
    return new Reg(CONST_PTR_TO_MAP, reg.scalar, reg.off, reg.id, reg.refObjId, timed ? reg.id : reg.aux, inner)
  }
  const type =
    map.type === MAP_TYPE_XSKMAP
      ? PTR_TO_XDP_SOCK
      : map.type === MAP_TYPE_SOCKMAP || map.type === MAP_TYPE_SOCKHASH
        ? PTR_TO_SOCKET
        : PTR_TO_MAP_VALUE
  if (type === PTR_TO_MAP_VALUE) return reg.withType(PTR_TO_MAP_VALUE)
  return new Reg(type, reg.scalar, reg.off, reg.id, reg.refObjId, 0, undefined)
}

function hasLock(reg: Reg): boolean {
  if (reg.type === PTR_TO_MAP_VALUE ? reg.map.btf === undefined : baseType(reg.type) !== PTR_TO_BTF_ID) return false
  return findField(regRecord(reg), 'spin_lock', 'res_spin_lock') !== undefined
}

function decided(reg: Reg, isNull: boolean): Reg {
  // Arithmetic on what may be NULL is refused, so there is no offset, but for nodes within an object.
  const within = baseType(reg.type) === PTR_TO_BTF_ID && (reg.type & (MEM_ALLOC | NON_OWN_REF)) !== 0
  if (!reg.scalar.isZero || (reg.off !== 0 && !within)) return reg
  if (isNull) return constantReg(0)
  const pointer = notNull(reg)
  return hasLock(pointer) ? pointer : pointer.withId(0)
}

/**
 * Register `regno` of the current frame of `state`, a pointer that may be NULL, is NULL on this branch, or is not: so
 * are its copies, in all frames, in registers and on the stack.
 */
export function markPtrOrNull(state: State, regno: number, isNull: boolean): void {
  const { id, refObjId } = state.reg(regno)
  // What was not got need not be given back.
  if (isNull && refObjId !== 0 && refObjId === id) forgetReference(state, id)
  const { frames } = state
  for (let f = 0; f < frames.length; f++) {
    const { regs, stack } = frames[f]!
    for (let i = 0; i < 10; i++) {
      const reg = regs[i]!
      if (reg.id !== id || (reg.type & PTR_MAYBE_NULL) === 0) continue
      state.writable(f).regs[i] = decided(reg, isNull)
    }
    for (let i = 0; i < stack.length; i++) {
      const slot = stack[i]!
      const { reg } = slot
      if (reg.id !== id || (reg.type & PTR_MAYBE_NULL) === 0 || !slot.isSpill) continue
      state.writable(f).stack[i] = new StackSlot(slot.bytes, decided(reg, isNull))
    }
  }
}
