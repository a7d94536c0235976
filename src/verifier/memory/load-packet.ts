/**
 * The packet loads that came from classic BPF: the context is in r6, the result in r0, and a load beyond the packet
 * ends the program.
 * @see https://www.rfc-editor.org/rfc/rfc9669#name-legacy-bpf-packet-access-in
 * @module
 */
import type { LoadPacketInsn } from '../../isa/index.ts'
import { returnToCaller } from '../calls/frames.ts'
import { checkPointerOffset } from '../calls/pointers.ts'
import { checkResourceLeak } from '../calls/references.ts'
import { ZERO } from '../domain/scalar.ts'
import type { Environment } from '../environment.ts'
import { pushBranch } from '../explore/branches.ts'
import { reject } from '../rejection.ts'
import { scalarReg, UNINITIALISED } from '../state.ts'
import { PTR_TO_CTX } from '../types.ts'
import { checkRegRead, markUnknown } from './registers.ts'

const CONTEXT_REGISTER = 6
const LAST_CALLER_SAVED = 5

const PROGRAM_TYPES: ReadonlySet<string> = new Set(['socket_filter', 'sched_cls', 'sched_act'])

/** Programs of this type may load from packets like this at all. */
export function checkLoadPacketAllowed(env: Environment): void {
  if (!PROGRAM_TYPES.has(env.programType.name)) {
    reject('program_type', 'BPF_LD_[ABS|IND] instructions not allowed for this program type')
  }
}

/** Moves env.insn. */
export function checkLoadPacket(env: Environment, insn: LoadPacketInsn): void {
  checkLoadPacketAllowed(env)
  const context = checkRegRead(env, CONTEXT_REGISTER)
  // The program may end here.
  checkResourceLeak(env, false, true, 'BPF_LD_[ABS|IND]')
  if (context.type !== PTR_TO_CTX) {
    reject('wrong_type', 'at the time of BPF_LD_ABS|IND R6 != pointer to skb', { regno: CONTEXT_REGISTER })
  }
  if (insn.mode === 'ind') checkRegRead(env, insn.src)
  checkPointerOffset(env, context, CONTEXT_REGISTER, false)
  for (let regno = 0; regno <= LAST_CALLER_SAVED; regno++) env.cur.setReg(regno, UNINITIALISED)
  markUnknown(env, 0)
  if (env.cur.curframe === 0) env.insn++
  else endFunction(env)
}

/** A load within the packet goes on behind itself; one beyond it ends the function with 0, and its caller goes on. */
function endFunction(env: Environment): void {
  pushBranch(env, env.insn + 1, env.insn, false)
  env.cur.setReg(0, scalarReg(ZERO))
  returnToCaller(env)
}
