/**
 * Calls of helpers: may this program call this one here, do the arguments suit it, what does the call do to the state,
 * and what does it give back.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @see https://docs.ebpf.io/linux/helper-function/
 * @module
 */
import type { CallInsn } from '../../isa/index.ts'
import { type ArgSpec, type HelperSignature, type HelperSpec, MAP_FLAG } from '../../spec/index.ts'
import type { Environment } from '../environment.ts'
import { pushBranch } from '../explore/branches.ts'
import { markPrecise } from '../explore/precision.ts'
import { checkMemoryAccess } from '../memory/access.ts'
import { clearPacketPointers, mapRegisters } from '../memory/packet.ts'
import { reject } from '../rejection.ts'
import { isNullConstant, type State, UNKNOWN_SCALAR } from '../state.ts'
import { MEM_ALLOC, MEM_PERCPU, MEM_RCU, PTR_TO_MAP_VALUE, regTypeName, SCALAR_VALUE } from '../types.ts'
import { checkArgument } from './arguments.ts'
import { setUpFindVma, setUpLoop, setUpMapElement, setUpRingbufDrain, setUpTimer } from './callback.ts'
import { constantString } from './const-string.ts'
import { CallContext } from './context.ts'
import { dynptrAt, releaseDynptr } from './dynptr.ts'
import { dynptrInfo } from './dynptr-slots.ts'
import { isFormat } from './format-string.ts'
import { type CallbackSetup, pushCallbackFrame, returnToCaller } from './frames.ts'
import { inRcuSection } from './iterator.ts'
import { checkMapCompatibility, mapTypeName } from './map-compatibility.ts'
import { checkMaySleep, findHelper, helperText } from './permission.ts'
import { effectiveFlags } from './record.ts'
import { checkResourceLeak, forgetReference, invalidated, releaseReference } from './references.ts'
import { setHelperResult } from './result.ts'

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
  // How many rounds there are depends on r1: a pointer says nothing of that, and would pass for none.
  const rounds = env.cur.reg(1)
  if (rounds.type !== SCALAR_VALUE) {
    reject('argument_type', `R1 type=${regTypeName(rounds.type)} expected=scalar`, { regno: 1 })
  }
  markPrecise(env, 1)
  if (env.cur.frame.callbackDepth < rounds.scalar.umax) {
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
  const { helper, signature } = findHelper(env, insn.imm)
  if (signature.mightSleep === true) checkMaySleep(env, helper)
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
