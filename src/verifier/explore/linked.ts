/**
 * Scalars that are copies of one another, or differ by a constant: what a comparison tells of one, it tells of all.
 *
 * A place is a number, as the history has it (history.ts).
 * @see https://docs.kernel.org/bpf/verifier.html#register-value-tracking
 * @module
 */
import { alu } from '../domain/arithmetic.ts'
import { zeroExtend32 } from '../domain/extend.ts'
import { constantPair, type Scalar } from '../domain/scalar.ts'
import type { Environment } from '../environment.ts'
import { ADD_CONST, ADD_CONST_32, Reg, StackSlot, type State } from '../state.ts'
import { SCALAR_VALUE } from '../types.ts'
import { frameInsn } from './function-instance.ts'
import { isLinkedRegister, linkedFrame, linkedIndex, linkedRegister, linkedSlot, MAX_LINKED } from './history.ts'

/**
 * Adds to `places` all that hold the scalar `id`, at a distance or not, but for registers that nothing will read. Those for which there is no room lose their
 * link: nothing may be concluded for them later either.
 */
export function collectLinked(env: Environment, state: State, id: number, places: number[]): void {
  const wanted = id & ~ADD_CONST
  for (let frameno = state.curframe; frameno >= 0; frameno--) {
    const { regs, stack } = state.frames[frameno]!
    const live = env.liveRegisters[frameInsn(state, frameno)]!
    for (let regno = 0; regno < 10; regno++) {
      if ((live & (1 << regno)) === 0) continue
      const reg = regs[regno]!
      if (reg.type !== SCALAR_VALUE || (reg.id & ~ADD_CONST) !== wanted) continue
      if (places.length < MAX_LINKED) places.push(linkedRegister(frameno, regno))
      else state.writable(frameno).regs[regno] = reg.unlinked()
    }
    for (let spi = 0; spi < stack.length; spi++) {
      const slot = stack[spi]!
      if (!slot.isSpill || slot.reg.type !== SCALAR_VALUE || (slot.reg.id & ~ADD_CONST) !== wanted) continue
      if (places.length < MAX_LINKED) places.push(linkedSlot(frameno, spi))
      else state.writable(frameno).stack[spi] = new StackSlot(slot.bytes, slot.reg.unlinked())
    }
  }
}

/** Gives all places that are still linked to `known` what is known of it. */
export function syncLinked(state: State, known: Reg, places: readonly number[]): void {
  for (const place of places) {
    const frameno = linkedFrame(place)
    const index = linkedIndex(place)
    const frame = state.frames[frameno]!
    if (!isLinkedRegister(place)) {
      const slot = frame.stack[index]!
      const reg = follow(slot.reg, known)
      if (reg !== slot.reg) state.writable(frameno).stack[index] = new StackSlot(slot.bytes, reg)
    } else {
      const old = frame.regs[index]!
      const reg = follow(old, known)
      if (reg !== old) state.writable(frameno).regs[index] = reg
    }
  }
}

function follow(reg: Reg, known: Reg): Reg {
  if (reg === known || reg.type !== SCALAR_VALUE) return reg
  if ((reg.id & ~ADD_CONST) !== (known.id & ~ADD_CONST)) return reg
  // What differs by a constant in 64 bits need not do so in 32.
  if (((reg.id ^ known.id) & ADD_CONST) === ADD_CONST) return reg
  const links = (reg.id | known.id) & ADD_CONST
  if (links === 0 || reg.off === known.off) return known
  const scalar = shifted(known.scalar, reg.off - known.off)
  const value = (links & ADD_CONST_32) === 0 ? scalar : zeroExtend32(scalar)
  return new Reg(SCALAR_VALUE, value, reg.off, reg.id, 0, 0, undefined)
}

function shifted(scalar: Scalar, distance: number): Scalar {
  return alu('add', 64, scalar, constantPair(distance | 0, Math.floor(distance / 4294967296)))
}
