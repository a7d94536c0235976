/**
 * Reading and writing registers: what every instruction checks first, and small questions about what a register holds.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import { ADD_CONST, type Reg, UNINITIALISED, UNKNOWN_SCALAR } from '../state.ts'
import { NOT_INIT, SCALAR_VALUE } from '../types.ts'

const FRAME_POINTER = 10
const REGISTER_COUNT = 11

/** The register may be read. Gives what it holds. */
export function checkRegRead(env: Environment, regno: number): Reg {
  const reg = env.cur.frame.regs[regno]
  if (reg === undefined) return reject('invalid_register', `R${regno} is invalid`, { regno })
  if (reg.type === NOT_INIT) reject('uninitialised_register', `R${regno} !read_ok`, { regno })
  return reg
}

/** The register may be written; it is not changed. */
export function checkRegWrite(_env: Environment, regno: number): void {
  if (regno >= REGISTER_COUNT) reject('invalid_register', `R${regno} is invalid`, { regno })
  if (regno === FRAME_POINTER) reject('frame_pointer_write', 'frame pointer is read only', { regno })
}

/** The register holds a number of which nothing is known. */
export function markUnknown(env: Environment, regno: number): void {
  env.cur.setReg(regno, UNKNOWN_SCALAR)
}

/** The register holds nothing that may be read. */
export function markUninitialised(env: Environment, regno: number): void {
  env.cur.setReg(regno, UNINITIALISED)
}

/** Holds what must not become known outside: a pointer, where the author is not trusted with pointers. */
export function isPointerValue(env: Environment, reg: Reg): boolean {
  return !env.permissions.allowPointerLeaks && reg.type !== SCALAR_VALUE
}

/** Bits that the register's value needs at most, unsigned: 0 to 64. */
export function widthOf(reg: Reg): number {
  const { umaxHigh, umaxLow } = reg.scalar
  return umaxHigh !== 0 ? 64 - Math.clz32(umaxHigh) : 32 - Math.clz32(umaxLow)
}

/**
 * Before a scalar is copied: gives it an id that the copy will share, so that what is learnt of one is learnt of the
 * other. A constant needs none; a scalar that is linked to another at a distance loses that link.
 */
export function linkScalar(env: Environment, regno: number): Reg {
  const reg = env.cur.reg(regno)
  if (reg.type !== SCALAR_VALUE) return reg
  let linked = reg
  if ((linked.id & ADD_CONST) !== 0) linked = linked.unlinked()
  if (linked.id === 0 && !linked.scalar.isConstant) linked = linked.withId(env.newId())
  if (linked !== reg) env.cur.setReg(regno, linked)
  return linked
}
