/**
 * Dynptrs as slots of the stack: what overwriting one does.
 * @see https://docs.ebpf.io/linux/concepts/dynptrs/
 * @module
 */
import type { Environment } from '../environment.ts'
import { mapRegisters } from '../memory/packet.ts'
import { reject } from '../rejection.ts'
import type { DynptrInfo, Reg } from '../state.ts'
import { PTR_MAYBE_NULL, PTR_TO_MEM, STACK_DYNPTR } from '../types.ts'
import { invalidated } from './references.ts'
import { begins, clearSlot } from './stack-object.ts'

export type DynptrKind = DynptrInfo['dynptr']

/** Its memory has to be given back through it. */
export function isReferencing(kind: DynptrKind): boolean {
  return kind === 'ringbuf'
}

export function dynptrInfo(reg: Reg): DynptrInfo {
  return reg.target as DynptrInfo
}

/**
 * Slot `spi` of a frame is about to be overwritten: a dynptr that it is half of ceases to be, with the slices of it.
 * One that has to be given back may not be lost so.
 */
export function destroyDynptrSlot(env: Environment, frameno: number, spi: number): void {
  const frame = env.cur.frames[frameno]!
  if (!begins(frame, spi, STACK_DYNPTR)) return
  const first = dynptrInfo(frame.stack[spi]!.reg).first ? spi : spi + 1
  const info = dynptrInfo(frame.stack[first]!.reg)
  if (isReferencing(info.dynptr)) reject('dynptr', 'cannot overwrite referenced dynptr')
  const gone = invalidated(env)
  mapRegisters(env.cur, (reg) => ((reg.type & ~PTR_MAYBE_NULL) === PTR_TO_MEM && reg.target === info ? gone : reg))
  clearSlot(env, frameno, first)
  clearSlot(env, frameno, first - 1)
}
