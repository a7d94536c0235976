/**
 * Keys that are known when the program is verified: a look-up in an array at a constant index that it has cannot fail.
 * @module
 */
import type { Environment } from '../environment.ts'
import { markPreciseBatch } from '../explore/precision.ts'
import type { VerifierMap } from '../program.ts'
import type { Reg } from '../state.ts'
import { PTR_TO_STACK, SCALAR_VALUE, STACK_SPILL, STACK_ZERO } from '../types.ts'
import { mapTypeName } from './map-compatibility.ts'
import { fixedOffset } from './pointers.ts'
import { stackFrame } from './stack-object.ts'

/** A look-up in this map at a constant index is known to succeed or to fail. */
export function elidesNull(env: Environment, map: VerifierMap): boolean {
  const type = mapTypeName(env, map)
  return type === 'array' || type === 'percpu_array'
}

/** The key of `size` bytes that a stack pointer points to, if it is a constant below 2^32; else -1. */
export function constantMapKey(env: Environment, reg: Reg, size: number): number {
  if (!env.permissions.bpfCapable || reg.type !== PTR_TO_STACK || !reg.scalar.isConstant) return -1
  const off = fixedOffset(reg)
  const spi = Math.floor((-off - 1) / 8)
  const slot = stackFrame(env, reg).stack[spi]
  if (slot === undefined) return -1
  const at = ((off % 8) + 8) % 8
  let zeros = 0
  while (at + zeros < 8 && slot.byte(at + zeros) === STACK_ZERO) zeros++
  if (zeros >= size) return 0
  if (!slot.isSpill || slot.reg.type !== SCALAR_VALUE) return -1
  let spilled = 0
  while (at + spilled < 8 && slot.byte(at + spilled) === STACK_SPILL) spilled++
  const { scalar } = slot.reg
  if (spilled !== size || !scalar.isConstant) return -1
  markPreciseBatch(env, reg.aux, 0, [spi])
  return scalar.valueHigh === 0 ? scalar.valueLow >>> 0 : -1
}
