/**
 * What r0 is after a helper was called, and that r1 to r5 are gone.
 * @module
 */
import type { HelperSignature, HelperSpec, ReturnSpec } from '../../spec/index.ts'
import { scalarBetween } from '../domain/refine.ts'
import { ZERO } from '../domain/scalar.ts'
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import { type BtfTypeRef, Reg, type RegTarget, scalarReg, UNINITIALISED, UNKNOWN_SCALAR } from '../state.ts'
import {
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  MEM_RINGBUF,
  maybeNull,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TCP_SOCK,
  PTR_TRUSTED,
  type RegType,
} from '../types.ts'
import { isKernelType, kernelType, kptrType } from './btf-match.ts'
import type { CallContext } from './context.ts'
import { dynptrAt, dynptrSlice } from './dynptr.ts'
import { mapTypeName } from './map-compatibility.ts'
import { elidesNull } from './map-key.ts'
import { mapHasLock } from './record.ts'
import { acquireReference } from './references.ts'

const MAX_ERRNO = 4095
/** CPUs that Linux can be built for: a program that relies on fewer would not load everywhere. */
const MAX_CPUS = 8192

const ERROR_OR_LENGTH: ReadonlySet<string> = new Set([
  'get_stack',
  'get_task_stack',
  'probe_read_str',
  'probe_read_kernel_str',
  'probe_read_user_str',
])

function flagsOf(returns: ReturnSpec): RegType {
  return (
    (returns.nullable ? PTR_MAYBE_NULL : 0) |
    (returns.trusted ? PTR_TRUSTED : 0) |
    (returns.ringbuf ? MEM_RINGBUF : 0) |
    (returns.readOnly ? MEM_RDONLY : 0)
  )
}

function integerResult(helper: HelperSpec, call: CallContext): Reg {
  if (ERROR_OR_LENGTH.has(helper.name)) {
    return scalarReg(scalarBetween({ smin: -MAX_ERRNO, smax: call.maxMemSize }))
  }
  if (helper.name === 'get_smp_processor_id') {
    return scalarReg(scalarBetween({ smin: 0, smax: MAX_CPUS - 1, umin: 0, umax: MAX_CPUS - 1 }))
  }
  return UNKNOWN_SCALAR
}

function pointer(type: RegType, aux = 0, target?: RegTarget): Reg {
  return new Reg(type, ZERO, 0, 0, 0, aux, target)
}

function mapValueResult(env: Environment, helper: HelperSpec, flags: RegType, call: CallContext): Reg {
  const { map } = call
  if (map === undefined) return reject('map_mismatch', `bpf_${helper.name} gives a map value, but was given no map`)
  const present =
    helper.name === 'map_lookup_elem' &&
    elidesNull(env, map) &&
    call.constantKey >= 0 &&
    call.constantKey < map.maxEntries
  const type = PTR_TO_MAP_VALUE | (present ? flags & ~PTR_MAYBE_NULL : flags)
  const id = !maybeNull(type) && mapHasLock(map) ? env.newId() : 0
  return new Reg(type, ZERO, 0, id, 0, call.mapUid, map)
}

/** The per-CPU variable or object that r1 was a pointer to. */
function percpuResult(env: Environment, flags: RegType, call: CallContext): Reg {
  const ref = call.returnType!
  const type = ref.btf.resolve(ref.id)
  const object = env.cur.reg(1).type & MEM_RCU
  if (type.kind !== 'struct' && type.kind !== 'union') {
    if (object) reject('argument_type', 'Helper has invalid btf/btf_id in R1', { regno: 1 })
    return pointer(PTR_TO_MEM | flags, ref.btf.sizeOf(type.id))
  }
  if (object) return pointer(PTR_TO_BTF_ID | MEM_ALLOC | MEM_RCU, 0, ref)
  return pointer(PTR_TO_BTF_ID | (flags & ~MEM_RDONLY), 0, ref)
}

function btfResult(env: Environment, returns: ReturnSpec, flags: RegType, call: CallContext): Reg {
  let ref: BtfTypeRef
  let type = PTR_TO_BTF_ID | flags
  const field = call.kptrField
  if (field !== undefined) {
    ref = kptrType(env, field)
    if (!isKernelType(env, ref)) type |= field.kind === 'kptr_percpu' ? MEM_ALLOC | MEM_PERCPU : MEM_ALLOC
  } else {
    ref = kernelType(env, returns.btfType ?? 'void')
  }
  return pointer(type, 0, ref)
}

function resultOf(env: Environment, helper: HelperSpec, signature: HelperSignature, call: CallContext): Reg {
  const { returns } = signature
  const flags = flagsOf(returns)
  switch (returns.kind) {
    case 'integer':
      return integerResult(helper, call)
    case 'void':
      return UNINITIALISED
    case 'map_value':
      return mapValueResult(env, helper, flags, call)
    case 'socket':
      return pointer(PTR_TO_SOCKET | flags)
    case 'sock_common':
      return pointer(PTR_TO_SOCK_COMMON | flags)
    case 'tcp_sock':
      return pointer(PTR_TO_TCP_SOCK | flags)
    case 'mem':
    case 'alloc_mem':
      return pointer(PTR_TO_MEM | flags, call.memSize)
    case 'dynptr_mem': {
      const regno = signature.args.findIndex((arg) => arg.kind === 'dynptr') + 1
      const dynptr = dynptrAt(env, env.cur.reg(regno))!
      return dynptrSlice(dynptr, PTR_TO_MEM | flags, call.memSize, 0)
    }
    case 'mem_or_btf':
      return percpuResult(env, flags, call)
    case 'btf':
      return btfResult(env, returns, flags, call)
    default:
      return UNKNOWN_SCALAR
  }
}

/** Whether r0 is a reference that has to be given back. */
function acquires(env: Environment, helper: HelperSpec, signature: HelperSignature, call: CallContext): boolean {
  if (signature.acquires) return true
  if (helper.name !== 'map_lookup_elem' || call.map === undefined) return false
  const type = mapTypeName(env, call.map)
  return type === 'sockmap' || type === 'sockhash'
}

/** r0 becomes what the helper gives, r1 to r5 nothing. */
export function setHelperResult(
  env: Environment,
  helper: HelperSpec,
  signature: HelperSignature,
  call: CallContext,
): void {
  let result = resultOf(env, helper, signature, call)
  if (maybeNull(result.type)) result = result.withId(env.newId())
  if (signature.returns.kind !== 'dynptr_mem') {
    if (signature.castsArg) {
      result = result.withRef(call.refObjId)
    } else if (acquires(env, helper, signature, call)) {
      const id = acquireReference(env)
      result = result.withId(id).withRef(id)
    }
  }
  const { regs } = env.cur.writable()
  for (let i = 1; i <= 5; i++) regs[i] = UNINITIALISED
  regs[0] = result
}
