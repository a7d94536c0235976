/**
 * Packet pointers: what a comparison with the packet's end proves, and accesses within what was proved.
 *
 * A pointer's `aux` is its range: how many bytes, counted from fixed offset zero, are known to lie in the packet. All
 * pointers with the same id have the same variable offset, so that what is proved of one holds for all of them.
 * @see https://docs.kernel.org/bpf/verifier.html#direct-packet-access
 * @module
 */
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import {
  AT_PACKET_END,
  BEYOND_PACKET_END,
  type Reg,
  StackSlot,
  type State,
  UNINITIALISED,
  UNKNOWN_SCALAR,
} from '../state.ts'
import { PACKET_SLICE, PTR_TO_PACKET, PTR_TO_PACKET_END, PTR_TO_PACKET_META, type RegType } from '../types.ts'
import { outOfRange, rejectNegativeMinimum } from './region.ts'

/** No packet is longer. */
const MAX_PACKET_OFFSET = 0xffff

/** Whether programs of this type may read, or write, packets through packet pointers. */
export function mayAccessPacket(env: Environment, write: boolean): boolean {
  const { rules, context } = env.programType
  if (rules === undefined) return context?.fields.some((field) => field.pointer === 'packet') ?? false
  const ask = write ? rules.packetWrite : rules.packetRead
  return ask?.(env.program.attachType) ?? false
}

/** `size` bytes at `off` (with the pointer's fixed offset) lie in the part of the packet that was compared with its end. */
export function checkPacketAccess(
  env: Environment,
  regno: number,
  off: number,
  size: number,
  zeroAllowed: boolean,
): void {
  const reg = env.cur.reg(regno)
  if (reg.scalar.sminHigh < 0) rejectNegativeMinimum(regno, off)
  const message = reg.aux < 0 ? '' : outOfRange(reg, regno, off, size, reg.aux, zeroAllowed)
  if (message === undefined) return
  const outside = `R${regno} offset is outside of the packet`
  reject('packet_bounds', message === '' ? [outside] : [message, outside], { regno, off, size, range: reg.aux })
}

/**
 * After `packetReg` was found below the packet's end (`rangeRightOpen`: strictly below, so that one byte more is in it):
 * raises the range of every pointer of `type` that shares its variable offset.
 */
export function findGoodPacketPointers(
  _env: Environment,
  state: State,
  packetReg: Reg,
  type: RegType,
  rangeRightOpen: boolean,
): void {
  const { off, id } = packetReg
  // Nothing was proved of bytes that come after the start of the packet.
  if (off < 0 || (off === 0 && rangeRightOpen)) return
  const { umax } = packetReg.scalar
  if (umax > MAX_PACKET_OFFSET || umax + off > MAX_PACKET_OFFSET) return
  const range = rangeRightOpen ? off + 1 : off
  mapRegisters(state, (reg) => (reg.type === type && reg.id === id && reg.aux < range ? reg.withAux(range) : reg))
}

/** A register that was compared with the packet's end, on the path where it is not below: how far beyond is not known. */
export function markPacketEnd(state: State, regno: number, rangeOpen: boolean): void {
  const reg = state.reg(regno)
  if (reg.type !== PTR_TO_PACKET) return
  state.setReg(regno, reg.withAux(rangeOpen ? BEYOND_PACKET_END : AT_PACKET_END))
}

/** The packet may have moved: all pointers into it are void. */
export function clearPacketPointers(env: Environment): void {
  const gone = env.permissions.allowPointerLeaks ? UNKNOWN_SCALAR : UNINITIALISED
  mapRegisters(env.cur, (reg) =>
    reg.type === PTR_TO_PACKET ||
    reg.type === PTR_TO_PACKET_META ||
    reg.type === PTR_TO_PACKET_END ||
    (reg.type & PACKET_SLICE) !== 0
      ? gone
      : reg,
  )
}

/** Replaces every register, and every spilled one, of all frames by what `change` makes of it. */
export function mapRegisters(state: State, change: (reg: Reg) => Reg): void {
  for (let frameno = 0; frameno < state.frames.length; frameno++) {
    const { regs, stack } = state.frames[frameno]!
    for (let i = 0; i < regs.length; i++) {
      const reg = regs[i]!
      const changed = change(reg)
      if (changed !== reg) state.writable(frameno).regs[i] = changed
    }
    for (let i = 0; i < stack.length; i++) {
      const slot = stack[i]!
      if (!slot.isSpill) continue
      const changed = change(slot.reg)
      if (changed !== slot.reg) state.writable(frameno).stack[i] = new StackSlot(slot.bytes, changed)
    }
  }
}
