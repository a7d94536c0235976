/**
 * The interpreter's own operations: what an instruction becomes when it is lowered.
 *
 * A 64-bit operand is a pair of words in the register file. Both operand forms of an instruction become one operation:
 * an immediate is read through {@link IMMEDIATE}, a register that every step sets. The numbers are what the
 * interpreter's `switch` has as literals (V8 makes a jump table only of those); a test holds the two equal.
 * @module
 */
import type { AluOp, AtomicOp, JumpOp } from '../isa/instruction.ts'

/** Register 11 of the register file: the immediate of the instruction that is executed, sign-extended. */
export const IMMEDIATE = 11

/** Register 12 of the register file: always zero. */
export const ZERO = 12

/** Words of the register file. */
export const REGISTER_WORDS = 26

/** Arithmetic operations in the order of their numbers, which start at {@link ALU32} and {@link ALU64}. */
export const ALU_OPS = [
  'add', 'sub', 'mul', 'div', 'sdiv', 'or', 'and', 'lsh', 'rsh', 'mod', 'smod', 'xor', 'mov', 'arsh',
] as const satisfies readonly AluOp[] // biome-ignore format: one row

/** Comparisons in the order of their numbers, which start at {@link JUMP32} and {@link JUMP64}. */
export const JUMP_OPS = [
  'eq', 'gt', 'ge', 'set', 'ne', 'sgt', 'sge', 'lt', 'le', 'slt', 'sle',
] as const satisfies readonly JumpOp[] // biome-ignore format: one row

/** Atomic operations in the order of their numbers: the operand of `atomic32` and `atomic64`, plus 8 for `fetch`. */
export const ATOMIC_OPS = ['add', 'or', 'and', 'xor', 'xchg', 'cmpxchg'] as const satisfies readonly AtomicOp[]

export const ATOMIC_FETCH = 8

export const ALU32 = 1
export const ALU64 = 16
export const JUMP32 = 60
export const JUMP64 = 71

function numbered(names: readonly string[], suffix: string, first: number): Record<string, number> {
  return Object.fromEntries(names.map((name, i) => [`${name}${suffix}`, first + i]))
}

/** Number of each operation, by name. */
export const OPCODES: Readonly<Record<string, number>> = {
  trap: 0,
  ...numbered([...ALU_OPS, 'neg'], '32', ALU32),
  ...numbered([...ALU_OPS, 'neg'], '64', ALU64),
  movsx8_32: 31,
  movsx16_32: 32,
  movsx8_64: 33,
  movsx16_64: 34,
  movsx32_64: 35,
  swap16: 36,
  swap32: 37,
  swap64: 38,
  truncate16: 39,
  truncate32: 40,
  truncate64: 41,
  addr_space_cast: 42,
  lddw: 43,
  load8: 44,
  load16: 45,
  load32: 46,
  load64: 47,
  load_signed8: 48,
  load_signed16: 49,
  load_signed32: 50,
  store8: 51,
  store16: 52,
  store32: 53,
  store64: 54,
  atomic32: 55,
  atomic64: 56,
  load_packet8: 57,
  load_packet16: 58,
  load_packet32: 59,
  ...numbered(JUMP_OPS, '_jump32', JUMP32),
  ...numbered(JUMP_OPS, '_jump64', JUMP64),
  goto: 82,
  goto_indirect: 83,
  may_goto: 84,
  call_helper: 85,
  call_local: 86,
  call_kfunc: 87,
  callx: 88,
  exit: 89,
}

/** The number of an operation. The name is one of those above: anything else is a defect that the tests find. */
export function opcode(name: string): number {
  return OPCODES[name] ?? 0
}
