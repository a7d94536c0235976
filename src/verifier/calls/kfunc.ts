/**
 * Calls of kernel functions: which one, may this program call it here, do the arguments suit it, what does the call do.
 * @see https://docs.kernel.org/bpf/kfuncs.html
 * @see https://docs.ebpf.io/linux/kfuncs/
 * @module
 */
import type { CallInsn } from '../../isa/index.ts'
import type { KfuncSpec } from '../../spec/index.ts'
import { scalarBetween } from '../domain/refine.ts'
import type { Environment } from '../environment.ts'
import { pushBranch } from '../explore/branches.ts'
import { clearPacketPointers } from '../memory/packet.ts'
import { reject } from '../rejection.ts'
import { type Frame, type Reg, StackSlot, type State, scalarReg, UNINITIALISED } from '../state.ts'
import { kernelFunctionName } from '../structure/kernel-functions.ts'
import { MEM_RCU, PTR_MAYBE_NULL, PTR_UNTRUSTED, STACK_ITER } from '../types.ts'
import { ANYTHING, begin, beginLater, inTreeCallback, setUpTimer } from './callback.ts'
import { CallContext } from './context.ts'
import { releaseDynptr } from './dynptr.ts'
import { type CallbackSetup, pushCallbackFrame } from './frames.ts'
import { ADDS_NODE, borrowAll, borrowed, LIST_KFUNCS, nodePointer, TREE_KFUNCS } from './graph.ts'
import { inRcuSection, stepIterator } from './iterator.ts'
import { checkKfuncArguments } from './kfunc-arguments.ts'
import { kfuncPrototype } from './kfunc-prototype.ts'
import { setKfuncResult } from './kfunc-result.ts'
import { fixedOffset } from './pointers.ts'
import { regRecord } from './record.ts'
import { releaseReference } from './references.ts'
import { checkProgramReturn } from './return.ts'

const MAX_ERRNO = 4095

/** Linux's program types that share what the row of another type says. */
const SAME_AS: ReadonlyMap<string, string> = new Map([['ext', 'tracing']])

function findKfunc(env: Environment, insn: CallInsn): KfuncSpec | undefined {
  const name = kernelFunctionName(env, env.insn)
  if (name === undefined) {
    if (insn.imm === 0) return undefined
    return reject('unknown_function', `kernel btf_id ${insn.imm >>> 0} is not a function`, { id: insn.imm })
  }
  const kfunc = env.platform.kfuncs?.get(name)
  if (name.startsWith('bpf_xdp_metadata_')) {
    reject('helper_not_allowed', 'metadata kfuncs require device-bound program', {
      kfunc: name,
      deviceBound: true,
    })
  }
  const { type, attachType } = env.program
  const types = kfunc?.programTypes
  const allowed =
    kfunc !== undefined &&
    (types === undefined || types.includes(SAME_AS.get(type) ?? type)) &&
    (!name.startsWith('bpf_session_') || attachType?.endsWith('_session') === true)
  if (!allowed) reject('helper_not_allowed', `calling kernel function ${name} is not allowed`, { kfunc: name })
  return kfunc
}

/** These may be called with a spin lock held. */
function isAllowedUnderLock(name: string): boolean {
  return (
    LIST_KFUNCS.has(name) ||
    TREE_KFUNCS.has(name) ||
    name === 'bpf_refcount_acquire_impl' ||
    name.startsWith('bpf_iter_num_') ||
    name.startsWith('bpf_res_spin_') ||
    name.startsWith('bpf_arena_') ||
    name.startsWith('bpf_stream_')
  )
}

function clearCallerSaved(frame: Frame): void {
  for (let regno = 0; regno <= 5; regno++) frame.regs[regno] = UNINITIALISED
}

/** A lock that gives up: on another path it was not taken, and r0 says why. */
function exploreLockFailure(env: Environment): void {
  const failed = pushBranch(env, env.insn + 1, env.insn, false)
  clearCallerSaved(failed.writable())
  failed.setReg(0, scalarReg(scalarBetween({ smin: -MAX_ERRNO, smax: -1 })))
}

function setUpTreeOrder(_env: Environment, caller: Frame, callee: Frame): void {
  const reg = caller.regs[1]!
  const off = fixedOffset(reg)
  const root = regRecord(reg).find((field) => field.kind === 'rb_root' && field.offset === off)
  if (root?.btf === undefined) reject('callback', `kfunc bpf_rbtree_add_impl failed callback verification`)
  const node = borrowed(nodePointer(root))
  begin(callee, [node, node], { min: 0, max: 1 })
}

function setUpTaskWork(_env: Environment, caller: Frame, callee: Frame): void {
  beginLater(callee, caller.regs[3]!.map, ANYTHING)
}

const CALLBACKS: ReadonlyMap<string, CallbackSetup> = new Map<string, CallbackSetup>([
  ['bpf_rbtree_add_impl', setUpTreeOrder],
  ['bpf_wq_set_callback_impl', setUpTimer],
  ['bpf_task_work_schedule_signal_impl', setUpTaskWork],
  ['bpf_task_work_schedule_resume_impl', setUpTaskWork],
])

/** What was protected by the RCU section that ends is not any more. */
function leaveRcu(state: State): void {
  const unprotected = (reg: Reg): Reg =>
    reg.type & MEM_RCU ? reg.withType((reg.type & ~(MEM_RCU | PTR_MAYBE_NULL)) | PTR_UNTRUSTED) : reg
  for (let f = 0; f < state.frames.length; f++) {
    const { regs, stack } = state.frames[f]!
    for (let i = 0; i < regs.length; i++) {
      const next = unprotected(regs[i]!)
      if (next !== regs[i]) state.writable(f).regs[i] = next
    }
    for (let i = 0; i < stack.length; i++) {
      const slot = stack[i]!
      if (!slot.isSpill && (slot.bytes & 0xf) !== STACK_ITER) continue
      const next = unprotected(slot.reg)
      if (next !== slot.reg) state.writable(f).stack[i] = new StackSlot(slot.bytes, next)
    }
  }
}

function checkSections(env: Environment, kfunc: KfuncSpec): void {
  const state = env.cur
  const { name } = kfunc
  const sleepable = kfunc.flags.includes('sleepable')
  const locks = name === 'bpf_rcu_read_lock'
  const unlocks = name === 'bpf_rcu_read_unlock'
  if (state.activeRcuLocks > 0) {
    if ((locks || unlocks) && inTreeCallback(env)) {
      reject('callback', 'Calling bpf_rcu_read_{lock,unlock} in unnecessary rbtree callback')
    }
    if (locks) reject('critical_section', `nested rcu read lock (kernel function ${name})`)
    if (sleepable) reject('sleepable', `kernel func ${name} is sleepable within rcu_read_lock region`)
    if (unlocks) {
      state.activeRcuLocks = 0
      leaveRcu(state)
    }
  } else if (locks) {
    state.activeRcuLocks = 1
  } else if (unlocks) {
    reject('critical_section', `unmatched rcu read unlock (kernel function ${name})`)
  }
  if (name === 'bpf_preempt_disable') {
    state.activePreemptLocks++
  } else if (name === 'bpf_preempt_enable') {
    if (state.activePreemptLocks === 0) {
      reject('critical_section', `unmatched attempt to enable preemption (kernel function ${name})`)
    }
    state.activePreemptLocks--
  } else if (sleepable && state.activePreemptLocks > 0) {
    reject('sleepable', `kernel func ${name} is sleepable within non-preemptible region`)
  }
  if (sleepable && state.activeIrqId !== 0) {
    reject('sleepable', `kernel func ${name} is sleepable within IRQ-disabled region`)
  }
  if (kfunc.flags.includes('rcu_protected') && !inRcuSection(env)) {
    reject('critical_section', `kernel func ${name} requires RCU critical section protection`)
  }
}

function releaseArguments(env: Environment, kfunc: KfuncSpec, call: CallContext): void {
  const unknown = (): never => reject('invalid_release', `kfunc ${kfunc.name} reference has not been acquired before`)
  if (call.releaseRegno !== 0) {
    const { dynptr } = call
    const released =
      dynptr !== undefined && dynptr.refObjId !== 0
        ? releaseDynptr(env, call.releaseRegno)
        : releaseReference(env, env.cur.reg(call.releaseRegno).refObjId)
    if (!released) unknown()
  }
  if (ADDS_NODE.has(kfunc.name)) {
    const { refObjId } = env.cur.reg(2)
    borrowAll(env, refObjId)
    if (!releaseReference(env, refObjId)) unknown()
  }
}

/** Checks the call of a kernel function at env.insn. Whether it throws, so that the path ends here. */
export function checkKfuncCall(env: Environment, insn: CallInsn): boolean {
  const kfunc = findKfunc(env, insn)
  // A weak function that the kernel does not have: its address was tested before, so this is not reached.
  if (kfunc === undefined) return false
  const { name } = kfunc
  const state = env.cur
  if (state.activeLocks > 0 && !isAllowedUnderLock(name)) {
    reject('lock_held', 'function calls are not allowed while holding a lock')
  }
  if (name === 'bpf_res_spin_lock' || name === 'bpf_res_spin_lock_irqsave') exploreLockFailure(env)
  if (name === '__bpf_trap') reject('unreachable', 'unexpected __bpf_trap() due to uninitialized variable?')
  if (kfunc.flags.includes('sleepable') && !state.inSleepable) {
    reject('sleepable', `program must be sleepable to call sleepable kfunc ${name}`)
  }
  const prototype = kfuncPrototype(env, kfunc)
  if (prototype === undefined) return reject('unknown_function', `prototype of kernel function ${name} is not known`)
  const call = new CallContext(undefined, kfunc)
  checkKfuncArguments(env, kfunc, prototype, call)
  const setup = CALLBACKS.get(name)
  if (setup !== undefined) {
    pushCallbackFrame(env, call.subprogno, setup, name !== 'bpf_rbtree_add_impl', name !== 'bpf_rbtree_add_impl')
  }
  checkSections(env, kfunc)
  releaseArguments(env, kfunc, call)
  const throws = name === 'bpf_throw'
  if (throws && !env.subprograms.some((one) => one.isExceptionCallback)) checkProgramReturn(env, 1)
  setKfuncResult(env, kfunc, prototype.returns, call)
  if (name === 'bpf_xdp_pull_data') clearPacketPointers(env)
  if (kfunc.flags.includes('iter_next')) stepIterator(env, call)
  return throws
}
