/**
 * What arithmetic and byte-order instructions become. Operands come from locals; the result is left on the stack, 64 bits.
 *
 * WebAssembly agrees with RFC 9669 on wrapping and on counts of shifts (taken modulo the width), and traps where BPF has a result:
 * division by zero, and the least number divided by -1.
 * @see https://www.rfc-editor.org/rfc/rfc9669#section-4.1
 * @module
 */
import type { AluInsn, AluOp, EndianInsn, MovsxInsn } from '../../isa/instruction.ts'
import type { FunctionWriter } from './function-writer.ts'
import { I32, I64, OP } from './wasm-opcodes.ts'

const ALU64: Readonly<Partial<Record<AluOp, number>>> = {
  add: OP.i64_add,
  sub: OP.i64_sub,
  mul: OP.i64_mul,
  or: OP.i64_or,
  and: OP.i64_and,
  lsh: OP.i64_shl,
  rsh: OP.i64_shr_u,
  xor: OP.i64_xor,
  arsh: OP.i64_shr_s,
}

const ALU32: Readonly<Partial<Record<AluOp, number>>> = {
  add: OP.i32_add,
  sub: OP.i32_sub,
  mul: OP.i32_mul,
  or: OP.i32_or,
  and: OP.i32_and,
  lsh: OP.i32_shl,
  rsh: OP.i32_shr_u,
  xor: OP.i32_xor,
  arsh: OP.i32_shr_s,
}

const DIVISION64: Readonly<Partial<Record<AluOp, number>>> = {
  div: OP.i64_div_u,
  sdiv: OP.i64_div_s,
  mod: OP.i64_rem_u,
  smod: OP.i64_rem_s,
}

const DIVISION32: Readonly<Partial<Record<AluOp, number>>> = {
  div: OP.i32_div_u,
  sdiv: OP.i32_div_s,
  mod: OP.i32_rem_u,
  smod: OP.i32_rem_s,
}

/** Where the operands of an instruction are. */
export interface Operands {
  /** Pushes the 64 bits of a register. */
  register(register: number): void
}

/** `dst op src`. */
export function writeAlu(w: FunctionWriter, insn: AluInsn, operands: Operands): void {
  const { op, width } = insn
  if (op === 'div' || op === 'sdiv' || op === 'mod' || op === 'smod') {
    writeDivision(w, insn, operands)
    return
  }
  const wide = width === 64
  if (op !== 'mov') pushRegister(w, operands, insn.dst, wide)
  if ('reg' in insn.src) pushRegister(w, operands, insn.src.reg, wide)
  else pushConstant(w, insn.src.imm, wide)
  if (op !== 'mov') w.op((wide ? ALU64 : ALU32)[op]!)
  if (!wide) w.op(OP.i64_extend_i32_u)
}

export function writeNeg(w: FunctionWriter, dst: number, width: 32 | 64, operands: Operands): void {
  const wide = width === 64
  pushConstant(w, 0, wide)
  pushRegister(w, operands, dst, wide)
  w.op(wide ? OP.i64_sub : OP.i32_sub)
  if (!wide) w.op(OP.i64_extend_i32_u)
}

export function writeMovsx(w: FunctionWriter, insn: MovsxInsn, operands: Operands): void {
  pushRegister(w, operands, insn.src, insn.width === 64)
  if (insn.width === 64) {
    w.op(insn.bits === 8 ? OP.i64_extend8_s : insn.bits === 16 ? OP.i64_extend16_s : OP.i64_extend32_s)
    return
  }
  w.op(insn.bits === 8 ? OP.i32_extend8_s : OP.i32_extend16_s)
  w.op(OP.i64_extend_i32_u)
}

/** The host's memory is little-endian, so `le` only truncates. */
export function writeEndian(w: FunctionWriter, insn: EndianInsn, operands: Operands): void {
  if (insn.op === 'le') {
    operands.register(insn.dst)
    if (insn.bits === 64) return
    w.i64(insn.bits === 16 ? 0xffff : -1, 0)
    w.op(OP.i64_and)
    return
  }
  if (insn.bits === 64) {
    const value = w.borrow('i64')
    operands.register(insn.dst)
    w.set(value)
    exchange64(w, value, 8, 0x00ff00ff)
    exchange64(w, value, 16, 0x0000ffff)
    w.get(value)
    w.i64(32)
    w.op(OP.i64_rotl)
    w.giveBack('i64', value)
    return
  }
  const value = w.borrow('i32')
  pushRegister(w, operands, insn.dst, false)
  w.set(value)
  if (insn.bits === 16) {
    w.get(value)
    w.i32(8)
    w.op(OP.i32_shl)
    w.i32(0xff00)
    w.op(OP.i32_and)
    w.get(value)
    w.i32(8)
    w.op(OP.i32_shr_u)
    w.i32(0xff)
    w.op(OP.i32_and)
  } else {
    w.get(value)
    w.i32(8)
    w.op(OP.i32_rotl)
    w.i32(0x00ff00ff)
    w.op(OP.i32_and)
    w.get(value)
    w.i32(24)
    w.op(OP.i32_rotl)
    w.i32(0xff00ff00 | 0)
    w.op(OP.i32_and)
  }
  w.op(OP.i32_or)
  w.op(OP.i64_extend_i32_u)
  w.giveBack('i32', value)
}

/** Exchanges neighbours of `bits` bits; `mask` (in both halves) selects every other one. */
function exchange64(w: FunctionWriter, value: number, bits: number, mask: number): void {
  w.get(value)
  w.i64(mask, mask)
  w.op(OP.i64_and)
  w.i64(bits)
  w.op(OP.i64_shl)
  w.get(value)
  w.i64(bits)
  w.op(OP.i64_shr_u)
  w.i64(mask, mask)
  w.op(OP.i64_and)
  w.op(OP.i64_or)
  w.set(value)
}

export function pushRegister(w: FunctionWriter, operands: Operands, register: number, wide: boolean): void {
  operands.register(register)
  if (!wide) w.op(OP.i32_wrap_i64)
}

export function pushConstant(w: FunctionWriter, value: number, wide: boolean): void {
  if (wide) w.i64(value)
  else w.i32(value)
}

/**
 * By zero a quotient is 0, and a remainder is the dividend. By -1 a signed quotient is the negated dividend (which traps only
 * for the least number), and a signed remainder 0, as WebAssembly has it.
 */
function writeDivision(w: FunctionWriter, { op, width, dst, src }: AluInsn, operands: Operands): void {
  const wide = width === 64
  const type = wide ? 'i64' : 'i32'
  const divide = (wide ? DIVISION64 : DIVISION32)[op]!
  const isQuotient = op === 'div' || op === 'sdiv'
  if ('imm' in src) {
    if (src.imm === 0 && isQuotient) pushConstant(w, 0, wide)
    else if (src.imm === -1 && op === 'sdiv') pushConstant(w, 0, wide)
    if (!(src.imm === 0 && isQuotient)) pushRegister(w, operands, dst, wide)
    if (src.imm === -1 && op === 'sdiv') w.op(wide ? OP.i64_sub : OP.i32_sub)
    else if (src.imm !== 0) {
      pushConstant(w, src.imm, wide)
      w.op(divide)
    }
    if (!wide) w.op(OP.i64_extend_i32_u)
    return
  }
  const divisor = w.borrow(type)
  pushRegister(w, operands, src.reg, wide)
  w.tee(divisor)
  w.op(wide ? OP.i64_eqz : OP.i32_eqz)
  w.if(wide ? I64 : I32)
  if (isQuotient) pushConstant(w, 0, wide)
  else pushRegister(w, operands, dst, wide)
  w.else()
  if (op === 'sdiv') {
    w.get(divisor)
    pushConstant(w, -1, wide)
    w.op(wide ? OP.i64_eq : OP.i32_eq)
    w.if(wide ? I64 : I32)
    pushConstant(w, 0, wide)
    pushRegister(w, operands, dst, wide)
    w.op(wide ? OP.i64_sub : OP.i32_sub)
    w.else()
  }
  pushRegister(w, operands, dst, wide)
  w.get(divisor)
  w.op(divide)
  if (op === 'sdiv') w.end()
  w.end()
  if (!wide) w.op(OP.i64_extend_i32_u)
  w.giveBack(type, divisor)
}
