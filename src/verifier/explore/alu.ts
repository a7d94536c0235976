/**
 * Arithmetic: moves, scalars, and what may be added to a pointer.
 *
 * What a scalar operation yields is the domain's business; here is decided whether it is one, what becomes of links
 * between copies, and which arithmetic on pointers is allowed.
 * @see https://docs.kernel.org/bpf/verifier.html#register-value-tracking
 * @module
 */
import type { AddrSpaceCastInsn, AluInsn, AluOp, EndianInsn, MovsxInsn, NegInsn } from '../../isa/index.ts'
import { alu, endian, negate } from '../domain/arithmetic.ts'
import { signExtend, truncate } from '../domain/extend.ts'
import { withTnum } from '../domain/refine.ts'
import { constantOf, constantPair, type Scalar, ZERO } from '../domain/scalar.ts'
import type { Environment } from '../environment.ts'
import { checkRegRead, checkRegWrite, isPointerValue, linkScalar, markUnknown } from '../memory/registers.ts'
import { reject } from '../rejection.ts'
import { regTypeName } from '../report/type-names.ts'
import {
  ADD_CONST,
  ADD_CONST_32,
  ADD_CONST_64,
  constantReg,
  pointerReg,
  Reg,
  type RegTarget,
  scalarReg,
  UNKNOWN_SCALAR,
} from '../state.ts'
import {
  baseType,
  CONST_PTR_TO_MAP,
  isPacketPointer,
  NOT_INIT,
  PTR_MAYBE_NULL,
  PTR_TO_ARENA,
  PTR_TO_FLOW_KEYS,
  PTR_TO_MEM,
  PTR_TO_PACKET_END,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  PTR_UNTRUSTED,
  SCALAR_VALUE,
} from '../types.ts'
import { pushBranch } from './branches.ts'
import { markPrecise } from './precision.ts'
import { closeWindow, openWindow, sanitizeScalarAlu } from './speculation.ts'

/** Beyond it, a pointer's variable part is refused: `BPF_MAX_VAR_OFF`. */
const MAX_VARIABLE_OFFSET = 1 << 29

const OPERATORS: Readonly<Record<AluOp, string>> = {
  add: '+=',
  sub: '-=',
  mul: '*=',
  div: '/=',
  sdiv: '/=',
  or: '|=',
  and: '&=',
  lsh: '<<=',
  rsh: '>>=',
  mod: '%=',
  smod: '%=',
  xor: '^=',
  mov: '=',
  arsh: 's>>=',
}

export function checkAlu(env: Environment, insn: AluInsn): void {
  if (insn.op === 'mov') {
    checkMove(env, insn)
    return
  }
  const { dst, src } = insn
  if ('reg' in src) {
    checkRegRead(env, src.reg)
    checkRegRead(env, dst)
  } else {
    checkRegRead(env, dst)
    checkConstantOperand(insn, src.imm)
  }
  checkRegWrite(env, dst)
  const left = env.cur.reg(dst)
  // An arena pointer is 32 bits of an address in the arena, whatever is done to it.
  if (left.type === PTR_TO_ARENA) return
  if ('imm' in src) {
    if (left.type !== SCALAR_VALUE) {
      env.cur.setReg(dst, movePointer(env, insn, left, constantReg(src.imm), true))
    } else {
      env.cur.setReg(dst, combineScalars(env, insn, left, constantOf(src.imm)))
    }
    return
  }
  const right = env.cur.reg(src.reg)
  if (right.type !== SCALAR_VALUE) {
    if (left.type !== SCALAR_VALUE) {
      if (insn.op !== 'sub' || !env.permissions.allowPointerLeaks) {
        reject('pointer_arithmetic', `R${dst} pointer ${OPERATORS[insn.op]} pointer prohibited`, { regno: dst })
      }
      env.cur.setReg(dst, UNKNOWN_SCALAR)
      return
    }
    markPrecise(env, dst)
    env.cur.setReg(dst, movePointer(env, insn, right, env.cur.reg(dst), false))
  } else if (left.type !== SCALAR_VALUE) {
    markPrecise(env, src.reg)
    env.cur.setReg(dst, movePointer(env, insn, left, right, true))
  } else {
    env.cur.setReg(dst, combineScalars(env, insn, left, right.scalar))
  }
}

function checkConstantOperand(insn: AluInsn, imm: number): void {
  switch (insn.op) {
    case 'div':
    case 'mod':
    case 'sdiv':
    case 'smod':
      if (imm === 0) reject('division_by_zero', 'div by zero', { regno: insn.dst })
      return
    case 'lsh':
    case 'rsh':
    case 'arsh':
      if (imm < 0 || imm >= insn.width) reject('invalid_shift', `invalid shift ${imm}`, { regno: insn.dst, shift: imm })
      return
    default:
  }
}

function combineScalars(env: Environment, insn: AluInsn, left: Reg, right: Scalar): Reg {
  if ((insn.op === 'add' || insn.op === 'sub') && !env.permissions.bypassSpectreV1) sanitizeScalarAlu(env, insn)
  const value =
    (insn.op === 'and' || insn.op === 'or') && right.isConstant ? decideAllOrNone(env, insn, left) : left.scalar
  const result = alu(insn.op, insn.width, value, right)
  if (left.id === 0 || !env.permissions.bpfCapable) return scalarReg(result)
  const distance = distanceOf(insn, left, right)
  if (distance === undefined) return scalarReg(result)
  const id = left.id | (insn.width === 64 ? ADD_CONST_64 : ADD_CONST_32)
  return new Reg(SCALAR_VALUE, result, distance, id, 0, 0, undefined)
}

/**
 * `r1 = r2; r1 += 8; if r2 < 100`: the comparison tells of r1 too, as long as the two are linked. Gives the constant
 * that is added to a linked scalar, where it leaves it linked.
 */
function distanceOf(insn: AluInsn, left: Reg, right: Scalar): number | undefined {
  if ((insn.op !== 'add' && insn.op !== 'sub') || (left.id & ADD_CONST) !== 0) return undefined
  if (insn.width === 64) {
    if (!right.isConstant || right.valueHigh !== right.valueLow >> 31) return undefined
  } else if (!right.isConstant32 || left.scalar.umaxHigh !== 0) {
    return undefined
  }
  if (insn.op === 'add') return right.valueLow
  // The smallest number has no opposite.
  return right.valueLow === -2147483648 ? undefined : -right.valueLow | 0
}

/**
 * A number that is 0 or -1, all bits or none, comes from a sign that was shifted down, to choose one of two values
 * without a branch. Both are followed: what the path gives here goes on with -1, and the instruction is met again with 0.
 */
function decideAllOrNone(env: Environment, insn: AluInsn, left: Reg): Scalar {
  const { scalar } = left
  if (scalar.smin === -1 && scalar.smax === 0) {
    pushBranch(env, env.insn, env.insn, false).setReg(insn.dst, constantReg(0))
    return constantOf(-1)
  }
  if (scalar.s32min === -1 && scalar.s32max === 0) {
    pushBranch(env, env.insn, env.insn, false).setReg(insn.dst, left.withScalar(withLowHalf(scalar, 0)))
    return withLowHalf(scalar, -1)
  }
  return scalar
}

function withLowHalf(scalar: Scalar, low: number): Scalar {
  return withTnum(scalar, low, scalar.valueHigh, 0, scalar.maskHigh)
}

function checkMove(env: Environment, insn: AluInsn): void {
  const { dst, src } = insn
  if ('imm' in src) {
    checkRegWrite(env, dst)
    env.cur.setReg(dst, insn.width === 64 ? constantReg(src.imm) : scalarReg(zeroExtended(src.imm)))
    return
  }
  checkRegRead(env, src.reg)
  checkRegWrite(env, dst)
  const source = env.cur.reg(src.reg)
  if (insn.width === 64) {
    env.cur.setReg(dst, linkScalar(env, src.reg))
    return
  }
  if (source.type !== SCALAR_VALUE) {
    if (isPointerValue(env, source)) reject('pointer_leak', `R${src.reg} partial copy of pointer`, { regno: src.reg })
    env.cur.setReg(dst, scalarReg(truncate(UNKNOWN_SCALAR.scalar, 4)))
    return
  }
  // A copy whose upper half was dropped is no copy, unless there was nothing in it.
  const fits = source.scalar.umaxHigh === 0
  const copied = fits ? linkScalar(env, src.reg) : source.unlinked()
  const scalar = truncate(copied.scalar, 4)
  env.cur.setReg(dst, scalar === copied.scalar ? copied : copied.withScalar(scalar))
}

function zeroExtended(imm: number): Scalar {
  return imm >= 0 ? constantOf(imm) : constantPair(imm, 0)
}

export function checkMovsx(env: Environment, insn: MovsxInsn): void {
  checkRegRead(env, insn.src)
  checkRegWrite(env, insn.dst)
  const source = env.cur.reg(insn.src)
  if (source.type !== SCALAR_VALUE) {
    if (isPointerValue(env, source)) {
      const what = insn.width === 64 ? 'sign-extension part of pointer' : 'partial copy of pointer'
      reject('pointer_leak', `R${insn.src} ${what}`, { regno: insn.src })
    }
    env.cur.setReg(insn.dst, insn.width === 64 ? UNKNOWN_SCALAR : scalarReg(truncate(UNKNOWN_SCALAR.scalar, 4)))
    return
  }
  // Nothing changes if the sign bit is known to be clear.
  const { umaxLow, umaxHigh } = source.scalar
  const unchanged = umaxHigh === 0 && umaxLow >>> 0 < 2 ** (insn.bits - 1)
  const copied = unchanged ? linkScalar(env, insn.src) : source.unlinked()
  const scalar = signExtend(copied.scalar, insn.bits, insn.width)
  env.cur.setReg(insn.dst, scalar === copied.scalar ? copied : copied.withScalar(scalar))
}

export function checkNegate(env: Environment, insn: NegInsn): void {
  const reg = readForUnary(env, insn.dst)
  if (reg.type === SCALAR_VALUE) env.cur.setReg(insn.dst, scalarReg(negate(insn.width, reg.scalar)))
  else markUnknown(env, insn.dst)
}

export function checkEndian(env: Environment, insn: EndianInsn): void {
  const reg = readForUnary(env, insn.dst)
  const scalar = reg.type === SCALAR_VALUE ? reg.scalar : UNKNOWN_SCALAR.scalar
  env.cur.setReg(insn.dst, scalarReg(endian(insn.op, insn.bits, scalar)))
}

function readForUnary(env: Environment, regno: number): Reg {
  checkRegRead(env, regno)
  const reg = env.cur.reg(regno)
  if (isPointerValue(env, reg)) reject('pointer_arithmetic', `R${regno} pointer arithmetic prohibited`, { regno })
  checkRegWrite(env, regno)
  return reg
}

export function checkAddrSpaceCast(env: Environment, insn: AddrSpaceCastInsn): void {
  if (insn.to + insn.from !== 1) {
    reject('reserved_field', 'addr_space_cast insn can only convert between address space 1 and 0')
  }
  const arena = findArena(env)
  if (arena === undefined) {
    reject('not_supported', 'addr_space_cast insn can only be used in a program that has an associated arena')
  }
  checkRegRead(env, insn.src)
  checkRegWrite(env, insn.dst)
  // From the arena's address space to the kernel's the result is a pointer; the other way it is a number.
  env.cur.setReg(insn.dst, insn.to === 0 && insn.from === 1 ? pointerReg(PTR_TO_ARENA, 0, arena) : UNKNOWN_SCALAR)
}

const ARENA_MAP_TYPE = 33

function findArena(env: Environment): RegTarget | undefined {
  for (const reference of env.references.values()) {
    if ((reference.kind === 'map' || reference.kind === 'map_value') && reference.map.type === ARENA_MAP_TYPE) {
      return reference.map
    }
  }
  return undefined
}

/** A pointer and a scalar: `pointer op= scalar`, or `scalar op= pointer` where the scalar is in dst. Gives the new dst. */
function movePointer(env: Environment, insn: AluInsn, pointer: Reg, offset: Reg, pointerIsDst: boolean): Reg {
  const { dst } = insn
  const value = offset.scalar
  if (isContradiction(value)) return UNKNOWN_SCALAR
  if (insn.width === 32) {
    if (insn.op === 'sub' && env.permissions.allowPointerLeaks) return UNKNOWN_SCALAR
    reject('pointer_arithmetic', `R${dst} 32-bit pointer arithmetic prohibited`, { regno: dst })
  }
  if ((pointer.type & PTR_MAYBE_NULL) !== 0) {
    reject(
      'possibly_null',
      `R${dst} pointer arithmetic on ${regTypeName(pointer.type)} prohibited, null-check it first`,
      { regno: dst },
    )
  }
  // Accesses through it are checked when they happen: offsets need not be tracked.
  if (baseType(pointer.type) === PTR_TO_MEM && (pointer.type & PTR_UNTRUSTED) !== 0) return pointer
  checkMovable(insn, pointer, value)
  checkSaneOffset(insn, offset.off, value, pointer)
  checkSaneOffset(insn, pointer.off, pointer.scalar, pointer)
  const adds = insn.op === 'add'
  const masked = !env.permissions.bypassSpectreV1 && (adds || insn.op === 'sub')
  const window = masked ? openWindow(env, insn, pointer, offset, pointerIsDst) : undefined
  const moved = adds
    ? addToPointer(env, pointer, value)
    : insn.op === 'sub'
      ? subtractFromPointer(env, insn, pointer, value, pointerIsDst)
      : refuseOperator(insn)
  checkSaneOffset(insn, moved.off, moved.scalar, moved)
  if (window !== undefined) closeWindow(env, insn, window, moved, pointerIsDst)
  return moved
}

/** Bounds that contradict each other come from code that cannot run. */
function isContradiction(s: Scalar): boolean {
  if (s.isConstant)
    return s.sminLow !== s.smaxLow || s.sminHigh !== s.smaxHigh || s.uminLow !== s.umaxLow || s.uminHigh !== s.umaxHigh
  return s.smin > s.smax || s.umin > s.umax
}

function checkMovable(insn: AluInsn, pointer: Reg, value: Scalar): void {
  switch (baseType(pointer.type)) {
    case PTR_TO_FLOW_KEYS:
      if (value.isConstant) return
      break
    case CONST_PTR_TO_MAP:
      if (value.isZero && insn.op === 'add') return
      break
    case NOT_INIT:
    case PTR_TO_PACKET_END:
    case PTR_TO_SOCKET:
    case PTR_TO_SOCK_COMMON:
    case PTR_TO_TCP_SOCK:
    case PTR_TO_XDP_SOCK:
      break
    default:
      return
  }
  reject('pointer_arithmetic', `R${insn.dst} pointer arithmetic on ${regTypeName(pointer.type)} prohibited`, {
    regno: insn.dst,
  })
}

/** Offsets so large that sums of them could wrap are refused. */
function checkSaneOffset(insn: AluInsn, off: number, variable: Scalar, pointer: Reg): void {
  if (variable === ZERO && off < MAX_VARIABLE_OFFSET && off > -MAX_VARIABLE_OFFSET) return
  const min = variable.smin
  const type = regTypeName(pointer.type)
  if (variable.isConstant && (min >= MAX_VARIABLE_OFFSET || min <= -MAX_VARIABLE_OFFSET)) {
    refuseOffset(insn, `math between ${type} pointer and ${exact(variable)} is not allowed`)
  }
  if (off >= MAX_VARIABLE_OFFSET || off <= -MAX_VARIABLE_OFFSET) {
    refuseOffset(insn, `${type} pointer offset ${off} is not allowed`)
  }
  if (variable.sminLow === 0 && variable.sminHigh === -2147483648) {
    refuseOffset(insn, `math between ${type} pointer and register with unbounded min value is not allowed`)
  }
  if (min >= MAX_VARIABLE_OFFSET || min <= -MAX_VARIABLE_OFFSET) {
    refuseOffset(insn, `value ${exact(variable)} makes ${type} pointer be out of bounds`)
  }
}

/** Where no offset would do, the operation is at fault, whatever Linux complains of first. */
function refuseOffset(insn: AluInsn, message: string): never {
  if (insn.op === 'add' || insn.op === 'sub') return reject('pointer_offset', message)
  return reject('pointer_arithmetic', message, { regno: insn.dst })
}

/** The least signed value, to the last digit. */
function exact(scalar: Scalar): string {
  return String((BigInt(scalar.sminHigh) << 32n) | BigInt(scalar.sminLow >>> 0))
}

function addToPointer(env: Environment, pointer: Reg, value: Scalar): Reg {
  if (value.isConstant) {
    const off = pointer.off + value.constant
    if (off === (off | 0)) return atOffset(pointer, off)
  }
  const scalar = alu('add', 64, pointer.scalar, value)
  return isPacketPointer(pointer.type)
    ? new Reg(pointer.type, scalar, pointer.off, env.newId(), pointer.refObjId, 0, pointer.target)
    : pointer.withScalar(scalar)
}

/**
 * What was found beyond the packet's end and is moved back may lie inside again. (Linux 6.18 takes it to be beyond
 * still, and compiles the next comparison away.)
 */
function atOffset(pointer: Reg, off: number): Reg {
  if (pointer.aux < 0 && off < pointer.off && isPacketPointer(pointer.type)) {
    return new Reg(pointer.type, pointer.scalar, off, pointer.id, pointer.refObjId, 0, pointer.target)
  }
  return pointer.withOff(off)
}

function subtractFromPointer(env: Environment, insn: AluInsn, pointer: Reg, value: Scalar, pointerIsDst: boolean): Reg {
  const regno = insn.dst
  if (!pointerIsDst) reject('pointer_arithmetic', `R${regno} tried to subtract pointer from scalar`, { regno })
  if (pointer.type === PTR_TO_STACK) {
    reject('pointer_arithmetic', `R${regno} subtraction from stack pointer prohibited`, { regno })
  }
  if (value.isConstant) {
    const off = pointer.off - value.constant
    if (off === (off | 0)) return atOffset(pointer, off)
  }
  const scalar = alu('sub', 64, pointer.scalar, value)
  if (!isPacketPointer(pointer.type)) return pointer.withScalar(scalar)
  // Towards the start of the packet, what was known to be there still is.
  const range = value.sminHigh < 0 ? 0 : Math.max(0, pointer.aux)
  return new Reg(pointer.type, scalar, pointer.off, env.newId(), pointer.refObjId, range, pointer.target)
}

function refuseOperator(insn: AluInsn): never {
  const { dst, op } = insn
  const bitwise = op === 'and' || op === 'or' || op === 'xor'
  const message = bitwise
    ? `bitwise operator ${OPERATORS[op]} on pointer prohibited`
    : `pointer arithmetic with ${OPERATORS[op]} operator prohibited`
  reject('pointer_arithmetic', `R${dst} ${message}`, { regno: dst })
}
