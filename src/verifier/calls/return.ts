/**
 * What functions give back: the range of r0 at the exit of a program, per type and way of attaching, and of callbacks.
 * @see https://docs.ebpf.io/linux/program-type/
 * @module
 */
import type { ReturnRule } from '../../spec/index.ts'
import type { Scalar } from '../domain/scalar.ts'
import type { Environment } from '../environment.ts'
import { markPrecise } from '../explore/precision.ts'
import { checkRegRead, isPointerValue } from '../memory/registers.ts'
import { signed64 } from '../memory/text.ts'
import { reject } from '../rejection.ts'
import type { Reg, ReturnRange } from '../state.ts'
import { regTypeName, SCALAR_VALUE } from '../types.ts'
import { checkPointerOffset } from './pointers.ts'

const MAX_ERRNO = 4095

/** LSM hooks that answer yes or no; the others give 0 or a negative error. */
const YES_OR_NO_HOOKS: ReadonlySet<string> = new Set([
  'inode_xattr_skipcap',
  'xfrm_state_pol_flow_match',
  'audit_rule_known',
])

const LSM_RANGE: ReturnRule = { min: -MAX_ERRNO, max: 0 }

/** What is known of a number that is not in its range: ` smin=-1 smax=5`, as far as anything is. */
function knownBounds(scalar: Scalar): string {
  let text = ''
  const { sminLow, sminHigh, smaxLow, smaxHigh } = scalar
  if (sminHigh !== -2147483648 || sminLow !== 0) text += ` smin=${signed64(sminLow, sminHigh)}`
  if (smaxHigh !== 2147483647 || smaxLow !== -1) text += ` smax=${signed64(smaxLow, smaxHigh)}`
  return text === '' ? ' unknown scalar value' : text
}

function isWithinRange(scalar: Scalar, range: ReturnRange, narrow: boolean): boolean {
  if (narrow) return range.min <= scalar.s32min && scalar.s32max <= range.max
  return range.min <= scalar.smin && scalar.smax <= range.max
}

function outOfRange(when: string, name: string, reg: Reg, range: ReturnRange): string {
  return `${when} the register ${name} has${knownBounds(reg.scalar)} should have been in [${range.min}, ${range.max}]`
}

/** r0 at the exit of a callback, whose precision is marked, lies in the range that the caller understands. */
export function checkCallbackResult(env: Environment, range: ReturnRange): void {
  const reg = env.cur.reg(0)
  if (isWithinRange(reg.scalar, range, false)) return
  reject('callback', outOfRange('At callback return', 'R0', reg, range), { regno: 0, range })
}

/** The hook or function that a program attaches to returns nothing. Undefined: not known. */
function hookReturnsVoid(env: Environment): boolean | undefined {
  const { attachTo, type } = env.program
  if (attachTo === undefined || env.kernelBtf === undefined) return undefined
  const name = type === 'lsm' && !attachTo.startsWith('bpf_lsm_') ? `bpf_lsm_${attachTo}` : attachTo
  const func = env.kernelBtf.find(name, 'func')
  const prototype = func && env.kernelBtf.get(func.type)
  return prototype?.kind === 'func_proto' ? prototype.returnType === 0 : undefined
}

/** What r0 has to be; undefined: anything. */
function programRange(env: Environment): (ReturnRule & { readonly note?: string }) | undefined {
  const { type, attachType, attachTo } = env.program
  const rule = env.programType.rules?.returnRange(attachType)
  if (type !== 'lsm') return rule
  if (attachType === 'lsm_cgroup') {
    if (hookReturnsVoid(env) !== true) return rule
    const note = "Note, BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!"
    return { min: 1, max: 1, wide: true, note }
  }
  const hook = attachTo?.replace(/^bpf_lsm_/, '')
  if (hook === undefined) return rule
  return YES_OR_NO_HOOKS.has(hook) ? { min: 0, max: 1 } : LSM_RANGE
}

/**
 * What the function at the bottom of the stack returns in `regno` (r0; r1 where an exception is thrown) may be returned:
 * the program, an asynchronous callback, the callback of exceptions, or a global function that is verified by itself.
 */
export function checkProgramReturn(env: Environment, regno = 0): void {
  const state = env.cur
  const frame = state.frames[0]!
  const facts = { regno }
  const { type, attachType } = env.program
  const isProgram = frame.subprogno === 0 || frame.inExceptionCallback
  if (isProgram && (type === 'struct_ops' || (type === 'lsm' && attachType !== 'lsm_cgroup'))) {
    if (hookReturnsVoid(env) === true) return
    const reg = state.reg(regno)
    if (type === 'struct_ops' && !frame.inExceptionCallback && reg.refObjId !== 0) {
      checkPointerOffset(env, reg, regno, false)
      return
    }
  }
  const reg = checkRegRead(env, regno)
  if (isPointerValue(env, reg)) reject('pointer_leak', `R${regno} leaks addr as return value`, facts)
  let when = 'At program exit'
  let rule: (ReturnRule & { readonly note?: string }) | undefined
  if (frame.inAsyncCallback) {
    when = 'At async callback return'
    rule = { ...frame.callbackRange!, wide: true }
  } else if (!isProgram) {
    if (reg.type === SCALAR_VALUE) return
    const name = regTypeName(reg.type)
    reject('return_value', `At subprogram exit the register R${regno} is not a scalar value (${name})`, facts)
  } else {
    rule = programRange(env)
  }
  if (rule === undefined) return
  if (reg.type !== SCALAR_VALUE) {
    reject('return_value', `${when} the register R${regno} is not a known value (${regTypeName(reg.type)})`, facts)
  }
  markPrecise(env, regno)
  if (isWithinRange(reg.scalar, rule, rule.wide !== true)) return
  const line = outOfRange(when, `R${regno}`, reg, rule)
  reject('return_value', rule.note === undefined ? line : [line, rule.note], { ...facts, range: rule })
}
