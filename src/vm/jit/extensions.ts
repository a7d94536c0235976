/**
 * Pass: extensions that are written as a shift to the left and one back, as compilers do for processors before BPF's third version.
 * @module
 */
import type { Instruction } from '../../isa/instruction.ts'
import type { FunctionWriter } from './function-writer.ts'
import { OP } from './wasm-opcodes.ts'

const SIGN_EXTENSIONS = { 8: OP.i64_extend8_s, 16: OP.i64_extend16_s, 32: OP.i64_extend32_s } as const

export interface Extension {
  /** How many bits are extended to 64. */
  readonly bits: 8 | 16 | 32
  readonly signed: boolean
}

/** What the instruction at a slot and the one behind it do together; `end`: where their block ends. */
export function extensionAt(insns: readonly Instruction[], slot: number, end: number): Extension | undefined {
  const first = insns[slot]!
  if (first.kind !== 'alu' || first.op !== 'lsh' || first.width !== 64 || slot + 1 >= end) return undefined
  const second = insns[slot + 1]!
  if (second.kind !== 'alu' || second.width !== 64 || second.dst !== first.dst) return undefined
  if (second.op !== 'rsh' && second.op !== 'arsh') return undefined
  if (!('imm' in first.src && 'imm' in second.src) || first.src.imm !== second.src.imm) return undefined
  const bits = 64 - first.src.imm
  return bits === 8 || bits === 16 || bits === 32 ? { bits, signed: second.op === 'arsh' } : undefined
}

/** The value is on the stack, and what becomes of it stays there. */
export function writeExtension(w: FunctionWriter, { bits, signed }: Extension): void {
  if (signed) w.op(SIGN_EXTENSIONS[bits])
  else if (bits === 32) {
    w.op(OP.i32_wrap_i64)
    w.op(OP.i64_extend_i32_u)
  } else {
    w.i64((1 << bits) - 1)
    w.op(OP.i64_and)
  }
}
