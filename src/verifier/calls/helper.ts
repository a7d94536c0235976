/**
 * Calls of helpers: may this program call this one here, do the arguments suit it, what does the call do to the state,
 * and what does it give back.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @see https://docs.ebpf.io/linux/helper-function/
 * @module
 */
import type { CallInsn } from '../../isa/index.ts'
import { type ArgSpec, type HelperSignature, type HelperSpec, MAP_FLAG, type Platform } from '../../spec/index.ts'
import type { Environment } from '../environment.ts'
import { pushBranch } from '../explore/branches.ts'
import { markPrecise } from '../explore/precision.ts'
import { checkMemoryAccess } from '../memory/access.ts'
import { clearPacketPointers, mapRegisters } from '../memory/packet.ts'
import { reject } from '../rejection.ts'
import { isNullConstant, type State, UNINITIALISED, UNKNOWN_SCALAR } from '../state.ts'
import { helperAvailable, helperSignature } from '../structure/calls.ts'
import { MEM_ALLOC, MEM_PERCPU, MEM_RCU, PTR_TO_MAP_VALUE, regTypeName } from '../types.ts'
import { checkArgument } from './arguments.ts'
import { setUpFindVma, setUpLoop, setUpMapElement, setUpRingbufDrain, setUpTimer } from './callback.ts'
import { constantString } from './const-string.ts'
import { CallContext } from './context.ts'
import { dynptrAt, dynptrInfo, releaseDynptr } from './dynptr.ts'
import { isFormat } from './format-string.ts'
import { type CallbackSetup, pushCallbackFrame, returnToCaller } from './frames.ts'
import { inRcuSection } from './iterator.ts'
import { checkMapCompatibility, mapTypeName } from './map-compatibility.ts'
import { effectiveFlags } from './record.ts'
import { checkResourceLeak, forgetReference, invalidated, releaseReference } from './references.ts'
import { setHelperResult } from './result.ts'

const ANYTHING: ArgSpec = { kind: 'anything' }
const NO_SIGNATURES = new WeakMap<HelperSpec, HelperSignature>()

/** Where nothing is said of a helper: numbers in, a number out. */
function plainSignature(helper: HelperSpec): HelperSignature {
  let signature = NO_SIGNATURES.get(helper)
  if (signature === undefined) {
    const kind = helper.returns === 'void' ? 'void' : 'integer'
    signature = { args: helper.args.map(() => ANYTHING), returns: { kind } }
    NO_SIGNATURES.set(helper, signature)
  }
  return signature
}

const HIGHEST = new WeakMap<Platform, number>()

function highestHelper(platform: Platform): number {
  let highest = HIGHEST.get(platform)
  if (highest === undefined) {
    highest = Math.max(0, ...platform.helpers.keys())
    HIGHEST.set(platform, highest)
  }
  return highest
}

/** What a helper is called in messages: `bpf_map_lookup_elem#1`. */
export function helperText(helper: HelperSpec): string {
  return `bpf_${helper.name}#${helper.id}`
}

/** Linux functions whose path may be asked for. */
const PATH_FUNCTIONS: ReadonlySet<string> = new Set([
  'security_file_permission',
  'security_inode_getattr',
  'security_file_open',
  'security_path_truncate',
  'vfs_truncate',
  'vfs_fallocate',
  'dentry_open',
  'vfs_getattr',
  'filp_close',
])

/** Kernel functions that hold what the helper would take may not be probed with it. */
function isAllowedInProbe(env: Environment, name: string): boolean {
  const { type, attachType, attachTo } = env.program
  if (name === 'd_path') return type === 'lsm' || attachType === 'trace_iter' || PATH_FUNCTIONS.has(attachTo ?? '')
  if (name !== 'sk_storage_get' && name !== 'sk_storage_delete') return true
  if (type !== 'tracing' && type !== 'syscall') return true
  if (attachType === 'trace_raw_tp' || attachType === 'trace_iter') return true
  const isTrampoline = attachType === 'trace_fentry' || attachType === 'trace_fexit'
  return isTrampoline && attachTo?.startsWith('bpf_sk_storage') !== true
}

function findHelper(env: Environment, id: number): HelperSpec {
  const helper = env.platform.helpers.get(id)
  if (helper === undefined && (id < 0 || id > highestHelper(env.platform))) {
    reject('unknown_function', `invalid func unknown#${id}`, { id })
  }
  if (helper === undefined || !helperAvailable(env, id)) {
    const name = helper === undefined ? 'bpf_unspec' : `bpf_${helper.name}`
    return reject('helper_not_allowed', `program of this type cannot use helper ${name}#${id}`, { id, helper: name })
  }
  return helper
}

function checkPermission(env: Environment, helper: HelperSpec, signature: HelperSignature): void {
  const state = env.cur
  const facts = { helper: helper.name }
  if (helper.gplOnly && signature.anyLicense !== true && !env.gplCompatible) {
    reject('gpl_only', 'cannot call GPL-restricted function from non-GPL compatible program', facts)
  }
  if (!isAllowedInProbe(env, helper.name)) {
    reject('helper_not_allowed', 'helper call is not allowed in probe', facts)
  }
  if (signature.mightSleep !== true) return
  if (!state.inSleepable) reject('sleepable', 'helper call might sleep in a non-sleepable prog', facts)
  const where =
    state.activeRcuLocks > 0
      ? 'rcu_read_lock region'
      : state.activePreemptLocks > 0
        ? 'non-preemptible region'
        : state.activeIrqId !== 0
          ? 'IRQ-disabled region'
          : undefined
  if (where !== undefined) reject('sleepable', `sleepable helper ${helperText(helper)} in ${where}`, facts)
}

/** Helpers whose code depends on the map. */
const MAP_SPECIFIC: ReadonlySet<string> = new Set([
  'tail_call',
  'map_lookup_elem',
  'map_update_elem',
  'map_delete_elem',
  'map_push_elem',
  'map_pop_elem',
  'map_peek_elem',
  'for_each_map_elem',
  'redirect_map',
  'map_lookup_percpu_elem',
])
const MAP_WRITERS: ReadonlySet<string> = new Set([
  'map_delete_elem',
  'map_update_elem',
  'map_push_elem',
  'map_pop_elem',
])

function recordMap(env: Environment, helper: HelperSpec, call: CallContext): void {
  const { map } = call
  if (map === undefined || !MAP_SPECIFIC.has(helper.name)) return
  if ((effectiveFlags(map) & MAP_FLAG.RDONLY_PROG) !== 0 && MAP_WRITERS.has(helper.name)) {
    reject('read_only', 'write into map forbidden', { map })
  }
  const known = env.callMaps.get(env.insn)
  if (known === undefined) env.callMaps.set(env.insn, map)
  else if (known !== map) env.callMaps.set(env.insn, 'several')
}

/** A tail call at a constant index is bound to it: the index has to be exact. */
function recordTailCallIndex(env: Environment, call: CallContext): void {
  const { map } = call
  if (map === undefined || mapTypeName(env, map) !== 'prog_array') {
    reject('tail_call', 'expected prog array map for tail call')
  }
  const { scalar } = env.cur.reg(3)
  if (scalar.isConstant && scalar.umin < map.maxEntries) markPrecise(env, 3)
}

function releaseArgument(env: Environment, helper: HelperSpec, arg: ArgSpec, call: CallContext): void {
  const state = env.cur
  let released: boolean
  if (arg.kind === 'dynptr') {
    released = releaseDynptr(env, call.releaseRegno)
  } else if (helper.name === 'kptr_xchg' && call.refObjId !== 0) {
    released = giveToMap(env, state, call.refObjId)
  } else if (call.refObjId !== 0) {
    released = releaseReference(env, call.refObjId)
  } else {
    released = isNullConstant(state.reg(call.releaseRegno))
  }
  if (!released) reject('invalid_release', `func ${helperText(helper)} reference has not been acquired before`)
}

/** A per-CPU object may still be read under RCU after a map got it. */
function giveToMap(env: Environment, state: State, refObjId: number): boolean {
  if (!forgetReference(state, refObjId)) return false
  const gone = invalidated(env)
  const shared = MEM_ALLOC | MEM_PERCPU
  mapRegisters(state, (reg) => {
    if (reg.refObjId !== refObjId) return reg
    if (inRcuSection(env) && (reg.type & shared) === shared) {
      return reg.withRef(0).withType((reg.type & ~MEM_ALLOC) | MEM_RCU)
    }
    return gone
  })
  return true
}

const CALLBACKS: ReadonlyMap<string, CallbackSetup> = new Map<string, CallbackSetup>([
  ['for_each_map_elem', setUpMapElement],
  ['timer_set_callback', setUpTimer],
  ['find_vma', setUpFindVma],
  ['user_ringbuf_drain', setUpRingbufDrain],
])

/** A round of `loop`: unless there were as many as there can be. */
function checkLoop(env: Environment, call: CallContext): void {
  if (isNullConstant(env.cur.reg(4))) markPrecise(env, 4)
  // How many rounds there are depends on r1.
  markPrecise(env, 1)
  if (env.cur.frame.callbackDepth < env.cur.reg(1).scalar.umax) {
    pushCallbackFrame(env, call.subprogno, setUpLoop, false, false)
  } else if (env.cur.frame.callbackDepth !== 0) {
    env.cur.writable().callbackDepth = 0
  }
}

function checkFormat(env: Environment): void {
  const format = env.cur.reg(3)
  const bytes = env.cur.reg(5).scalar.valueLow >>> 0
  if (bytes % 8 !== 0) reject('argument_size', 'size of the arguments is not a multiple of 8', { regno: 5, bytes })
  if (!isFormat(constantString(format), bytes / 8)) {
    reject('argument_value', 'Invalid format string', { regno: 3 })
  }
}

/** What this helper alone asks for, and does. */
function checkSpecial(env: Environment, helper: HelperSpec, call: CallContext): void {
  const state = env.cur
  const setup = CALLBACKS.get(helper.name)
  if (setup !== undefined) {
    pushCallbackFrame(env, call.subprogno, setup, helper.name === 'timer_set_callback', false)
    return
  }
  switch (helper.name) {
    case 'tail_call':
      checkResourceLeak(env, false, true, 'tail_call')
      return
    case 'get_local_storage':
      if (!isNullConstant(state.reg(2))) {
        reject('argument_value', "get_local_storage() doesn't support non-zero flags", { regno: 2 })
      }
      return
    case 'snprintf':
      checkFormat(env)
      return
    case 'loop':
      checkLoop(env, call)
      return
    case 'dynptr_from_mem': {
      const { type } = state.reg(1)
      if (type !== PTR_TO_MAP_VALUE) {
        const message = `Unsupported reg type ${regTypeName(type)} for bpf_dynptr_from_mem data`
        reject('argument_type', message, { regno: 1 })
      }
      return
    }
    default:
      return
  }
}

/** Whether writing through the dynptr may move the packet. */
function writesPacket(env: Environment, helper: HelperSpec, signature: HelperSignature): boolean {
  if (helper.name !== 'dynptr_write') return false
  const regno = signature.args.findIndex((arg) => arg.kind === 'dynptr') + 1
  const kind = dynptrInfo(dynptrAt(env, env.cur.reg(regno))!).dynptr
  return kind === 'skb' || kind === 'skb_meta'
}

function checkFunctionAddress(env: Environment, helper: HelperSpec): void {
  const { type, attachType } = env.program
  if (type === 'tracing') {
    if (attachType === 'trace_fentry' || attachType === 'trace_fexit' || attachType === 'modify_return') return
    const message = `func ${helperText(helper)} supported only for fentry/fexit/fmod_ret programs`
    reject('helper_not_allowed', message)
  }
  if (type === 'kprobe') return
  reject('helper_not_allowed', `func ${helperText(helper)} not supported for program type ${env.programType.id}`)
}

/** Checks the helper call at env.insn, and moves the state over it; env.insn stays. */
export function checkHelperCall(env: Environment, insn: CallInsn): void {
  const helper = findHelper(env, insn.imm)
  const signature = helperSignature(env, insn.imm) ?? plainSignature(helper)
  checkPermission(env, helper, signature)
  const call = new CallContext(helper, undefined)
  call.packetAccess = signature.packetAccess === true
  const { args } = signature
  for (let i = 0; i < args.length; i++) checkArgument(env, args, i, call)
  recordMap(env, helper, call)
  if (helper.name === 'tail_call') recordTailCallIndex(env, call)
  for (let i = 0; i < call.rawSize; i++) {
    checkMemoryAccess(env, env.insn, call.rawRegno, i, 1, 'write', -1, false, false)
  }
  if (call.releaseRegno !== 0) releaseArgument(env, helper, args[call.releaseRegno - 1]!, call)
  checkSpecial(env, helper, call)
  let changesPacket = signature.changesPacket === true || writesPacket(env, helper, signature)
  setHelperResult(env, helper, signature, call)
  if (call.map !== undefined) checkMapCompatibility(env, call.map, helper)
  if (helper.name === 'get_func_ip') checkFunctionAddress(env, helper)
  if (helper.name === 'tail_call') changesPacket = leaveByTailCall(env)
  if (changesPacket) clearPacketPointers(env)
}

/** A tail call that fails goes on here: one that works has, in a function, the effect of a return. */
function leaveByTailCall(env: Environment): boolean {
  if (env.cur.curframe === 0) return false
  pushBranch(env, env.insn + 1, env.insn, false)
  clearPacketPointers(env)
  env.cur.setReg(0, UNKNOWN_SCALAR)
  returnToCaller(env)
  // The caller of this function steps over the call.
  env.insn--
  return true
}

/** Registers that a call destroys. */
export function clearCallerSaved(env: Environment): void {
  const { regs } = env.cur.writable()
  for (let i = 0; i <= 5; i++) regs[i] = UNINITIALISED
}
