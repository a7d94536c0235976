/**
 * Which registers instructions read and write.
 * @module
 */
import type { Instruction, Operand } from '../../isa/instruction.ts'

export const FRAME_POINTER = 10
export const REGISTERS = 11

/** The register that an instruction writes; -1: none. After a call the caller's r1 to r5 are as before. */
export function writtenRegister(insn: Instruction): number {
  switch (insn.kind) {
    case 'alu':
    case 'neg':
    case 'movsx':
    case 'addr_space_cast':
    case 'endian':
    case 'load':
    case 'load_acquire':
    case 'lddw':
      return insn.dst
    case 'atomic':
      if (!insn.fetch) return -1
      return insn.op === 'cmpxchg' ? 0 : insn.src
    case 'call':
    case 'callx':
    case 'load_packet':
      return 0
    default:
      return -1
  }
}

/** Whether an instruction names a register, to read or to write it. */
export function mentions(insn: Instruction, register: number): boolean {
  const { dst, base, src, reg } = insn as { dst?: number; base?: number; src?: number | Operand; reg?: number }
  if (dst === register || base === register || src === register || reg === register) return true
  return typeof src === 'object' && 'reg' in src && src.reg === register
}
