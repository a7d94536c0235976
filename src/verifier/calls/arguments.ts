/**
 * One argument of a helper call: the register is of a type that will do, its offset is right, and what it points at may
 * be touched as the helper touches it.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
import type { ArgSpec } from '../../spec/index.ts'
import type { Environment } from '../environment.ts'
import { markPrecise } from '../explore/precision.ts'
import { checkAlignment } from '../memory/alignment.ts'
import { checkHelperMemory, checkMemorySize } from '../memory/helper-access.ts'
import { mayAccessPacket } from '../memory/packet.ts'
import { checkRegRead, isPointerValue } from '../memory/registers.ts'
import { reject } from '../rejection.ts'
import { isNullConstant, type Reg } from '../state.ts'
import { isPacketPointer, PTR_TO_STACK } from '../types.ts'
import { checkArgumentType } from './argument-types.ts'
import { inTreeCallback } from './callback.ts'
import { checkConstantString } from './const-string.ts'
import type { CallContext } from './context.ts'
import { checkDynptrArgument, isReferencedDynptr } from './dynptr.ts'
import { checkTimer } from './fields.ts'
import { checkKptrDestination } from './kptr.ts'
import { checkSpinLock } from './locks.ts'
import { mapTypeName } from './map-compatibility.ts'
import { constantMapKey, elidesNull } from './map-key.ts'
import { checkArgumentOffset } from './pointers.ts'

function checkPacketArgument(env: Environment, call: CallContext): void {
  const { rules } = env.programType
  const allowed = rules?.packetToAnyHelper === true || (call.packetAccess && mayAccessPacket(env, false))
  if (!allowed) reject('packet_bounds', 'helper access to the packet is not allowed')
}

/** Values of socket maps are sockets. */
function resolved(env: Environment, arg: ArgSpec, call: CallContext): ArgSpec {
  if (arg.kind !== 'map_value' || call.map === undefined) return arg
  const type = mapTypeName(env, call.map)
  if (type === 'sockmap' || type === 'sockhash') {
    if (arg.uninit || arg.nullable) reject('argument_type', 'invalid arg_type for sockmap/sockhash')
    return { kind: 'btf_sock_common' }
  }
  if (type === 'bloom_filter' && call.helper?.name === 'map_peek_elem') return { kind: 'map_value' }
  return arg
}

function noteRelease(env: Environment, reg: Reg, regno: number, arg: ArgSpec, call: CallContext): void {
  const facts = { regno }
  if (arg.kind === 'dynptr') {
    if (reg.type !== PTR_TO_STACK) reject('dynptr', 'cannot release unowned const bpf_dynptr', facts)
    if (!isReferencedDynptr(env, reg)) reject('invalid_release', `arg ${regno} is an unacquired reference`, facts)
  } else if (reg.refObjId === 0 && !isNullConstant(reg)) {
    reject('invalid_release', `R${regno} must be referenced when passed to release function`, facts)
  }
  call.releaseRegno = regno
}

function checkMapPointer(reg: Reg, call: CallContext): void {
  // A timer that came before it is in this very map.
  if (call.map !== undefined && (call.map !== reg.map || call.mapUid !== reg.aux)) {
    reject(
      'map_mismatch',
      `timer pointer in R1 map_uid=${call.mapUid} doesn't match map pointer in R2 map_uid=${reg.aux}`,
      { regno: 2 },
    )
  }
  call.map = reg.map
  call.mapUid = reg.aux
}

const writes = (arg: ArgSpec): 'read' | 'write' =>
  arg.uninit || arg.access === 'write' || arg.access === 'read_write' ? 'write' : 'read'

/** Checks argument `index` of a call with these arguments. */
export function checkArgument(env: Environment, args: readonly ArgSpec[], index: number, call: CallContext): void {
  const regno = index + 1
  let arg = args[index]!
  const reg = checkRegRead(env, regno)
  if (arg.kind === 'anything') {
    if (isPointerValue(env, reg)) reject('pointer_leak', `R${regno} leaks addr into helper function`, { regno })
    return
  }
  if (isPacketPointer(reg.type)) checkPacketArgument(env, call)
  arg = resolved(env, arg, call)
  const isNull = arg.nullable === true && isNullConstant(reg)
  if (!isNull) {
    checkArgumentType(env, reg, regno, arg, call)
    const use = arg.release ? (arg.kind === 'dynptr' ? 'release_dynptr' : 'release') : 'plain'
    checkArgumentOffset(env, reg, regno, use)
  }
  if (arg.release) noteRelease(env, reg, regno, arg, call)
  if (reg.refObjId !== 0 && arg.kind !== 'kptr') {
    if (call.refObjId !== 0) {
      const message = `more than one arg with ref_obj_id R${regno} ${reg.refObjId} ${call.refObjId}`
      reject('argument_value', message, { regno })
    }
    call.refObjId = reg.refObjId
  }
  checkPointee(env, args, index, arg, reg, isNull, call)
}

/** What the argument points at. */
function checkPointee(
  env: Environment,
  args: readonly ArgSpec[],
  index: number,
  arg: ArgSpec,
  reg: Reg,
  isNull: boolean,
  call: CallContext,
): void {
  const regno = index + 1
  switch (arg.kind) {
    case 'const_map_ptr':
      if (!isNull) checkMapPointer(reg, call)
      return
    case 'map_key': {
      const { map } = call
      if (map === undefined) reject('invalid_program', 'invalid map_ptr to access map->key', { regno })
      checkHelperMemory(env, regno, map.keySize, 'read', false, undefined)
      if (elidesNull(env, map)) call.constantKey = constantMapKey(env, reg, map.keySize)
      return
    }
    case 'map_value': {
      if (isNull) return
      const { map } = call
      if (map === undefined) reject('invalid_program', 'invalid map_ptr to access map->value', { regno })
      call.rawMode = arg.uninit === true
      checkHelperMemory(env, regno, map.valueSize, writes(arg), false, call)
      return
    }
    case 'percpu_btf':
      call.returnType = reg.btf
      return
    case 'spin_lock':
      if (inTreeCallback(env)) reject('lock_held', "can't spin_{lock,unlock} in rbtree cb", { regno })
      checkSpinLock(env, regno, 'lock', call.helper?.name === 'spin_lock')
      return
    case 'timer':
      checkTimer(env, reg, regno, 'timer', call)
      return
    case 'func':
      call.subprogno = isNull ? -1 : reg.aux
      return
    case 'mem':
      // Where the next argument is the size, it is checked with that.
      call.rawMode = arg.uninit === true
      if (arg.size !== undefined) {
        checkHelperMemory(env, regno, arg.size, writes(arg), false, call)
        if (arg.aligned) checkAlignment(env, reg, 0, arg.size, true)
      }
      return
    case 'const_size':
    case 'const_size_or_zero':
      checkMemorySize(env, regno, writes(args[index - 1]!), arg.kind === 'const_size_or_zero', call)
      return
    case 'dynptr':
      checkDynptrArgument(env, regno, {
        uninit: arg.uninit === true,
        readOnly: arg.uninit === undefined && arg.release === undefined,
        type: arg.dynptr,
        cloneOf: undefined,
      })
      return
    case 'const_alloc_size_or_zero':
      if (!reg.scalar.isConstant) {
        reject('argument_size', `R${regno} is not a known constant'`, { regno, mustBeConstant: true })
      }
      call.memSize = reg.scalar.constant
      markPrecise(env, regno)
      return
    case 'const_str':
      checkConstantString(env, reg, regno)
      return
    case 'kptr':
      checkKptrDestination(env, reg, regno, call)
      return
    default:
      return
  }
}
