/**
 * Conditional jumps: which way they can go, and what each way tells of the operands.
 * @see https://docs.kernel.org/bpf/verifier.html#register-value-tracking
 * @module
 */
import type { JumpInsn, JumpOp, MayGotoInsn } from '../../isa/index.ts'
import { markPtrOrNull, notNull } from '../calls/null.ts'
import { isTrusted } from '../calls/pointers.ts'
import { type BranchRefinement, branchTaken, refineBranch } from '../domain/branch.ts'
import { constantOf, UNKNOWN } from '../domain/scalar.ts'
import type { Environment } from '../environment.ts'
import { findGoodPacketPointers, markPacketEnd } from '../memory/packet.ts'
import { checkRegRead, isPointerValue } from '../memory/registers.ts'
import { reject } from '../rejection.ts'
import { BEYOND_PACKET_END, Reg, type State } from '../state.ts'
import {
  baseType,
  CONST_PTR_TO_MAP,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_UNTRUSTED,
  type RegType,
  SCALAR_VALUE,
} from '../types.ts'
import { pushBranch } from './branches.ts'
import { LEFT_IS_STACK, pushHistory, RIGHT_IS_STACK } from './history.ts'
import { collectLinked, syncLinked } from './linked.ts'
import { markPrecise } from './precision.ts'
import { exploreMisprediction } from './speculation.ts'
import { findPreviousEntry, widenImpreciseScalars } from './widen.ts'

const REFINED: BranchRefinement = { trueA: UNKNOWN, trueB: UNKNOWN, falseA: UNKNOWN, falseB: UNKNOWN }

/** Moves env.insn to where the path goes on; the other way, if there is one, waits. */
export function checkConditionalJump(env: Environment, insn: JumpInsn): void {
  const { dst, src } = insn
  const fallThrough = env.insn + 1
  const target = fallThrough + insn.off
  let historyFlags = 0
  checkRegRead(env, dst)
  let right: Reg
  if ('reg' in src) {
    right = checkRegRead(env, src.reg)
    const left = env.cur.reg(dst)
    if (!(isAnyPacketPointer(left.type) && isAnyPacketPointer(right.type)) && isPointerValue(env, right)) {
      reject('pointer_comparison', `R${src.reg} pointer comparison prohibited`, { regno: src.reg })
    }
    if (right.type === PTR_TO_STACK) historyFlags |= RIGHT_IS_STACK
  } else {
    right = new Reg(SCALAR_VALUE, constantOf(src.imm), 0, 0, 0, 0, undefined)
  }
  let left = env.cur.reg(dst)
  if (left.type === PTR_TO_STACK) historyFlags |= LEFT_IS_STACK
  if (historyFlags !== 0) pushHistory(env, env.cur, historyFlags, undefined)

  const outcome = predict(insn, left, right)
  if (outcome >= 0) {
    if (left.type === SCALAR_VALUE) markPrecise(env, dst)
    if ('reg' in src && right.type === SCALAR_VALUE) markPrecise(env, src.reg)
    exploreMisprediction(env, insn, outcome === 1 ? fallThrough : target)
    env.insn = outcome === 1 ? target : fallThrough
    return
  }

  // Linked before the other branch is made, so that both have it in their history.
  let linked: number[] | undefined
  if (
    ('reg' in src && right.type === SCALAR_VALUE && right.id !== 0) ||
    (left.type === SCALAR_VALUE && left.id !== 0)
  ) {
    linked = []
    if ('reg' in src && right.type === SCALAR_VALUE && right.id !== 0) collectLinked(env, env.cur, right.id, linked)
    if (left.type === SCALAR_VALUE && left.id !== 0) collectLinked(env, env.cur, left.id, linked)
    if (linked.length > 1) pushHistory(env, env.cur, 0, linked)
    // Collecting may have unlinked them.
    left = env.cur.reg(dst)
    if ('reg' in src) right = env.cur.reg(src.reg)
  }

  const other = pushBranch(env, target, env.insn, false)
  if (left.type === SCALAR_VALUE && right.type === SCALAR_VALUE) {
    refineScalars(env, insn, other, left, right, linked)
  } else if (!matchNullness(env, insn, other, left, right)) {
    if (!matchPacketPointers(env, insn, left, right, env.cur, other) && isPointerValue(env, left)) {
      reject('pointer_comparison', `R${dst} pointer comparison prohibited`, { regno: dst })
    }
  }
  env.insn = fallThrough
}

/** 1: the jump is taken; 0: it is not; -1: either. */
function predict(insn: JumpInsn, left: Reg, right: Reg): 1 | 0 | -1 {
  if (left.type === SCALAR_VALUE && right.type === SCALAR_VALUE) {
    return branchTaken(insn.op, insn.width, left.scalar, right.scalar)
  }
  if (insn.width === 64 && isAnyPacketPointer(left.type) && isAnyPacketPointer(right.type)) {
    return predictPacket(insn.op, left, right)
  }
  // A pointer that is known not to be NULL, compared with zero.
  const number = right.type === SCALAR_VALUE ? right : left
  const pointer = right.type === SCALAR_VALUE ? left : right
  if (number.type !== SCALAR_VALUE || !(insn.width === 32 ? number.scalar.isConstant32 : number.scalar.isConstant))
    return -1
  if (!isNeverNull(pointer)) return -1
  if (number.scalar.valueLow !== 0 || (insn.width === 64 && number.scalar.valueHigh !== 0)) return -1
  return insn.op === 'eq' ? 0 : insn.op === 'ne' ? 1 : -1
}

function isNeverNull(reg: Reg): boolean {
  if ((reg.type & PTR_MAYBE_NULL) !== 0) return false
  switch (baseType(reg.type)) {
    case PTR_TO_SOCKET:
    case PTR_TO_TCP_SOCK:
    case PTR_TO_MAP_VALUE:
    case PTR_TO_MAP_KEY:
    case PTR_TO_SOCK_COMMON:
    case CONST_PTR_TO_MAP:
      return true
    case PTR_TO_BTF_ID:
      // Trusted: acquired, or given as such. Others may turn out to be NULL at run time.
      return isTrusted(reg)
    case PTR_TO_MEM:
      return (reg.type & PTR_UNTRUSTED) === 0
    default:
      return false
  }
}

function predictPacket(op: JumpOp, left: Reg, right: Reg): 1 | 0 | -1 {
  let pointer: Reg
  let relation = op
  if (right.type === PTR_TO_PACKET_END) pointer = left
  else if (left.type === PTR_TO_PACKET_END) {
    pointer = right
    relation = MIRRORED[op]
  } else return -1
  const range = pointer.aux
  if (range >= 0) return -1
  switch (relation) {
    case 'le':
    case 'gt':
      return range === BEYOND_PACKET_END ? (relation === 'gt' ? 1 : 0) : -1
    case 'lt':
    case 'ge':
      return relation === 'ge' ? 1 : 0
    default:
      return -1
  }
}

/** `a op b` is `b MIRRORED[op] a`. */
const MIRRORED: Readonly<Record<JumpOp, JumpOp>> = {
  eq: 'eq',
  ne: 'ne',
  set: 'set',
  gt: 'lt',
  ge: 'le',
  lt: 'gt',
  le: 'ge',
  sgt: 'slt',
  sge: 'sle',
  slt: 'sgt',
  sle: 'sge',
}

function refineScalars(
  env: Environment,
  insn: JumpInsn,
  other: State,
  left: Reg,
  right: Reg,
  linked: readonly number[] | undefined,
): void {
  const { dst, src } = insn
  if ('reg' in src && src.reg === dst) return
  refineBranch(insn.op, insn.width, left.scalar, right.scalar, REFINED)
  const falseLeft = withScalar(left, REFINED.falseA)
  const trueLeft = withScalar(left, REFINED.trueA)
  const falseRight = withScalar(right, REFINED.falseB)
  const trueRight = withScalar(right, REFINED.trueB)
  if (falseLeft !== left) env.cur.setReg(dst, falseLeft)
  if (trueLeft !== left) other.setReg(dst, trueLeft)
  if ('reg' in src) {
    if (falseRight !== right) env.cur.setReg(src.reg, falseRight)
    if (trueRight !== right) other.setReg(src.reg, trueRight)
    if (linked !== undefined && linked.length > 1 && right.id !== 0) {
      syncLinked(env.cur, env.cur.reg(src.reg), linked)
      syncLinked(other, other.reg(src.reg), linked)
    }
  }
  if (linked !== undefined && linked.length > 1 && left.id !== 0) {
    syncLinked(env.cur, env.cur.reg(dst), linked)
    syncLinked(other, other.reg(dst), linked)
  }
}

function withScalar(reg: Reg, scalar: Reg['scalar']): Reg {
  return scalar === reg.scalar ? reg : reg.withScalar(scalar)
}

/** A pointer that may be NULL, compared with NULL, or with a pointer that is not. False: nothing of the kind. */
function matchNullness(env: Environment, insn: JumpInsn, other: State, left: Reg, right: Reg): boolean {
  const { dst, src, op } = insn
  if (insn.width !== 64) return false
  if ('reg' in src && left.type !== SCALAR_VALUE && right.type !== SCALAR_VALUE) {
    const leftMaybe = (left.type & PTR_MAYBE_NULL) !== 0
    const rightMaybe = (right.type & PTR_MAYBE_NULL) !== 0
    // A BTF pointer may be NULL without saying so.
    if (
      leftMaybe !== rightMaybe &&
      baseType(left.type) !== PTR_TO_BTF_ID &&
      baseType(right.type) !== PTR_TO_BTF_ID &&
      (op === 'eq' || op === 'ne')
    ) {
      const regno = leftMaybe ? dst : src.reg
      const equal = op === 'eq' ? other : env.cur
      equal.setReg(regno, notNull(equal.reg(regno)))
    }
  }
  if ('imm' in src && src.imm === 0 && (op === 'eq' || op === 'ne') && (left.type & PTR_MAYBE_NULL) !== 0) {
    markPtrOrNull(env.cur, dst, op === 'ne')
    markPtrOrNull(other, dst, op === 'eq')
    return true
  }
  return false
}

function isAnyPacketPointer(type: RegType): boolean {
  return type === PTR_TO_PACKET || type === PTR_TO_PACKET_META || type === PTR_TO_PACKET_END
}

/** The start of the packet itself: nothing was added to it. */
function isPacketStart(reg: Reg): boolean {
  return reg.type === PTR_TO_PACKET && reg.id === 0 && reg.off === 0 && reg.scalar.isZero
}

/**
 * A packet pointer compared with the packet's end, or a pointer to metadata with the packet's start: in one branch,
 * what lies before the pointer is there.
 */
function matchPacketPointers(
  env: Environment,
  insn: JumpInsn,
  left: Reg,
  right: Reg,
  fallThrough: State,
  taken: State,
): boolean {
  if ('imm' in insn.src || insn.width === 32) return false
  let relation = insn.op
  let pointer: Reg
  let regno: number
  if (isBefore(left, right)) {
    pointer = left
    regno = insn.dst
  } else if (isBefore(right, left)) {
    pointer = right
    regno = insn.src.reg
    relation = MIRRORED[insn.op]
  } else return false
  switch (relation) {
    case 'gt': // pointer > end: what is before it is there if not
      findGoodPacketPointers(env, fallThrough, pointer, pointer.type, false)
      markPacketEnd(taken, regno, true)
      return true
    case 'lt': // pointer < end: one byte more
      findGoodPacketPointers(env, taken, pointer, pointer.type, true)
      markPacketEnd(fallThrough, regno, false)
      return true
    case 'ge':
      findGoodPacketPointers(env, fallThrough, pointer, pointer.type, true)
      markPacketEnd(taken, regno, false)
      return true
    case 'le':
      findGoodPacketPointers(env, taken, pointer, pointer.type, false)
      markPacketEnd(fallThrough, regno, true)
      return true
    default:
      return false
  }
}

function isBefore(pointer: Reg, end: Reg): boolean {
  return (
    (pointer.type === PTR_TO_PACKET && end.type === PTR_TO_PACKET_END) ||
    (pointer.type === PTR_TO_PACKET_META && isPacketStart(end))
  )
}

/** Falls through as often as the run's budget allows: the loop is explored until nothing new comes of it, then left. */
export function checkMayGoto(env: Environment, insn: MayGotoInsn): void {
  const { parent } = env.cur
  const previous = parent === undefined ? undefined : findPreviousEntry(env, parent, env.insn)
  const again = pushBranch(env, env.insn + 1, env.insn, false)
  again.mayGotoDepth++
  if (previous !== undefined) widenImpreciseScalars(env, previous, again)
  env.insn += insn.off + 1
}
