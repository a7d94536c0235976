/**
 * Where control goes from an instruction within its function: a call goes on behind itself.
 * @module
 */
import type { Instruction } from '../../isa/index.ts'

/**
 * Writes the slots that may follow `slot` into `out` (two at most) and returns how many they are. The one that follows
 * in the text comes first. Only for programs whose jumps stay in range.
 */
export function successorsOf(insns: readonly Instruction[], slot: number, out: Int32Array): number {
  const insn = insns[slot]!
  switch (insn.kind) {
    case 'exit':
      return 0
    case 'goto':
      out[0] = slot + 1 + insn.off
      return 1
    case 'jump':
    case 'may_goto':
      out[0] = slot + 1
      if (insn.off === 0) return 1
      out[1] = slot + 1 + insn.off
      return 2
    case 'lddw':
      out[0] = slot + 2
      return 1
    default:
      out[0] = slot + 1
      return 1
  }
}
