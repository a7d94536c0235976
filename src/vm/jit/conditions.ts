/**
 * What the condition of a jump becomes: an `i32` on the stack, which is not 0 where the jump is taken.
 * @module
 */
import type { JumpInsn } from '../../isa/instruction.ts'
import type { FunctionState } from './function-state.ts'
import { OP } from './wasm-opcodes.ts'

type JumpOp = JumpInsn['op']

const COMPARE64: Readonly<Record<JumpOp, number>> = {
  eq: OP.i64_eq,
  ne: OP.i64_ne,
  gt: OP.i64_gt_u,
  ge: OP.i64_ge_u,
  lt: OP.i64_lt_u,
  le: OP.i64_le_u,
  sgt: OP.i64_gt_s,
  sge: OP.i64_ge_s,
  slt: OP.i64_lt_s,
  sle: OP.i64_le_s,
  set: OP.i64_and,
}
const COMPARE32: Readonly<Record<JumpOp, number>> = {
  eq: OP.i32_eq,
  ne: OP.i32_ne,
  gt: OP.i32_gt_u,
  ge: OP.i32_ge_u,
  lt: OP.i32_lt_u,
  le: OP.i32_le_u,
  sgt: OP.i32_gt_s,
  sge: OP.i32_ge_s,
  slt: OP.i32_lt_s,
  sle: OP.i32_le_s,
  set: OP.i32_and,
}
const OPPOSITE: Readonly<Record<Exclude<JumpOp, 'set'>, Exclude<JumpOp, 'set'>>> = {
  eq: 'ne',
  ne: 'eq',
  gt: 'le',
  ge: 'lt',
  lt: 'ge',
  le: 'gt',
  sgt: 'sle',
  sge: 'slt',
  slt: 'sge',
  sle: 'sgt',
}

/** `opposite`: not 0 where it is not taken. */
export function writeCondition(f: FunctionState, { op, width, dst, src }: JumpInsn, opposite = false): void {
  const { w } = f
  const wide = width === 64
  f.register(dst)
  if (!wide) w.op(OP.i32_wrap_i64)
  if (op === 'set') {
    f.operand(src, wide)
    w.op((wide ? COMPARE64 : COMPARE32)[op])
    if (opposite) w.op(wide ? OP.i64_eqz : OP.i32_eqz)
    else if (wide) {
      w.i64(0)
      w.op(OP.i64_ne)
    }
    return
  }
  const compared = opposite ? OPPOSITE[op] : op
  if (compared === 'eq' && 'imm' in src && src.imm === 0) {
    w.op(wide ? OP.i64_eqz : OP.i32_eqz)
    return
  }
  f.operand(src, wide)
  w.op((wide ? COMPARE64 : COMPARE32)[compared])
}
