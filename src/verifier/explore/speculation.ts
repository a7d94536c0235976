/**
 * What a mispredicting CPU could do with an untrusted author's program (Spectre, variant 1): pointer arithmetic is
 * masked to a window that every path agrees on, and paths that only misprediction takes are explored as well.
 * Without effect where the author is trusted.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @see https://www.kernel.org/doc/html/latest/admin-guide/hw-vuln/spectre.html
 * @module
 */
import type { AluInsn, JumpInsn } from '../../isa/index.ts'
import type { Environment } from '../environment.ts'
import { INSN_NOSPEC } from '../environment.ts'
import { checkMapAccess } from '../memory/map-value.ts'
import { tnumText } from '../memory/text.ts'
import { Rejection, reject } from '../rejection.ts'
import { type Reg, UNKNOWN_SCALAR } from '../state.ts'
import { PTR_TO_MAP_VALUE, PTR_TO_STACK } from '../types.ts'
import { pushBranch } from './branches.ts'

const MAX_STACK = 512

// What is masked, and how: bits of a window's state.
const NEGATIVE_OFFSET = 1
const IMMEDIATE = 2
const SCALAR_ONLY = 4
const POINTER_IS_DST = 8
const POINTER_IS_SRC = 16

/** What the first half of the check of one operation found, for the second. */
export interface MaskingWindow {
  state: number
  limit: number
  toLeft: boolean
}

const BY_WHOM = 'prohibited for !root'

function needsNoMask(env: Environment, insn: AluInsn): boolean {
  return env.permissions.bypassSpectreV1 || 'imm' in insn.src || env.hasFlag(env.insn, INSN_NOSPEC)
}

/** An addition or subtraction of two scalars: the instruction may not be one of pointers on another path. */
export function sanitizeScalarAlu(env: Environment, insn: AluInsn): void {
  if (needsNoMask(env, insn)) return
  recordWindow(env, insn, env.sanitation.get(env.insn), SCALAR_ONLY, 0)
}

/** Before pointer arithmetic: decides the masking window, and explores what truncation by it would do. */
export function openWindow(
  env: Environment,
  insn: AluInsn,
  pointer: Reg,
  offset: Reg,
  pointerIsDst: boolean,
): MaskingWindow {
  const window: MaskingWindow = { state: 0, limit: 0, toLeft: false }
  if (needsNoMask(env, insn)) return window
  const constant = offset.scalar.isConstant
  const negative = offset.scalar.sminHigh < 0
  if (!env.cur.speculative) {
    if (!constant && negative !== offset.scalar.smaxHigh < 0) {
      const regno = pointerIsDst ? sourceOf(insn) : insn.dst
      reject(
        'speculation',
        `R${regno} has unknown scalar with mixed signed bounds, pointer arithmetic with it ${BY_WHOM}`,
        {
          regno,
        },
      )
    }
    window.toLeft = (insn.op === 'add') === negative
    window.limit = pointerLimit(insn, pointer, window.toLeft, pointerIsDst)
    window.state = (negative ? NEGATIVE_OFFSET : 0) | (constant ? IMMEDIATE : 0)
    window.state |= pointerIsDst ? POINTER_IS_DST : POINTER_IS_SRC
    if (!constant) env.exploreAluLimits = true
  }
  if (constant) return window
  const dst = env.cur.reg(insn.dst)
  if (!pointerIsDst) env.cur.setReg(insn.dst, pointer)
  pushBranch(env, env.insn + 1, env.insn, true)
  if (!pointerIsDst) env.cur.setReg(insn.dst, dst)
  return window
}

/** After pointer arithmetic: the result must be in bounds, and the window the same as on other paths. */
export function closeWindow(
  env: Environment,
  insn: AluInsn,
  window: MaskingWindow,
  result: Reg,
  pointerIsDst: boolean,
): void {
  if (env.permissions.bypassSpectreV1) return
  checkResultBounds(env, insn, result)
  if (needsNoMask(env, insn) || env.cur.speculative) return
  const limit = Math.abs(window.limit - pointerLimit(insn, result, window.toLeft, pointerIsDst))
  recordWindow(env, insn, env.sanitation.get(env.insn), window.state, limit)
}

function recordWindow(
  env: Environment,
  insn: AluInsn,
  known: { readonly state: number; readonly limit: number } | undefined,
  state: number,
  limit: number,
): void {
  if (known !== undefined && known.state !== 0 && (known.state !== state || known.limit !== limit)) {
    reject(
      'speculation',
      `R${insn.dst} tried to ${insn.op} from different maps, paths or scalars, pointer arithmetic with it ${BY_WHOM}`,
      { regno: insn.dst },
    )
  }
  env.sanitation.set(env.insn, { state, limit })
}

function sourceOf(insn: AluInsn): number {
  return 'reg' in insn.src ? insn.src.reg : insn.dst
}

/** How far the pointer may move before it leaves its object on that side. */
function pointerLimit(insn: AluInsn, pointer: Reg, toLeft: boolean, pointerIsDst: boolean): number {
  let max: number
  let limit: number
  if (pointer.type === PTR_TO_STACK) {
    max = MAX_STACK + (toLeft ? 1 : 0)
    limit = -(pointer.scalar.valueLow + pointer.off)
  } else if (pointer.type === PTR_TO_MAP_VALUE) {
    max = pointer.map.valueSize
    limit = (toLeft ? pointer.scalar.smin : pointer.scalar.umax) + pointer.off
  } else {
    const regno = pointerIsDst ? insn.dst : sourceOf(insn)
    reject(
      'speculation',
      `R${regno} has pointer with unsupported alu operation, pointer arithmetic with it ${BY_WHOM}`,
      {
        regno,
      },
    )
  }
  // Linux compares as unsigned 32-bit numbers: a negative limit is beyond any.
  if (limit >>> 0 >= max) {
    reject(
      'speculation',
      `R${insn.dst} tried to ${insn.op} beyond pointer bounds, pointer arithmetic with it ${BY_WHOM}`,
      {
        regno: insn.dst,
      },
    )
  }
  return limit
}

function checkResultBounds(env: Environment, insn: AluInsn, result: Reg): void {
  if (result.type === PTR_TO_STACK) {
    const off = result.off + result.scalar.valueLow
    if (!result.scalar.isConstant) {
      reject(
        'speculation',
        `R${insn.dst} variable stack access prohibited for !root, var_off=${tnumText(result.scalar)} off=${off}`,
        { regno: insn.dst },
      )
    }
    if (off >= 0 || off < -MAX_STACK) {
      reject(
        'speculation',
        `R${insn.dst} stack pointer arithmetic goes out of range, prohibited for !root; off=${off}`,
        {
          regno: insn.dst,
        },
      )
    }
  } else if (result.type === PTR_TO_MAP_VALUE) {
    try {
      checkMapAccess(env, insn.dst, result, result.off, 1, false)
    } catch (failure) {
      if (!(failure instanceof Rejection)) throw failure
      throw new Rejection(
        'speculation',
        [...failure.lines, `R${insn.dst} pointer arithmetic of map value goes out of range, prohibited for !root`],
        failure.facts,
      )
    }
  }
}

/** A branch that the program cannot take, and a mispredicting CPU can: its operands may be anything there. */
export function exploreMisprediction(env: Environment, insn: JumpInsn, target: number): void {
  if (env.permissions.bypassSpectreV1) return
  const state = pushBranch(env, target, env.insn, true)
  state.setReg(insn.dst, UNKNOWN_SCALAR)
  if ('reg' in insn.src) state.setReg(insn.src.reg, UNKNOWN_SCALAR)
}
