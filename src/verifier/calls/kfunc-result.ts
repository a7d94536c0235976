/**
 * What r0 is after a kernel function was called, and that r1 to r5 are gone.
 * @module
 */
import type { KfuncSpec } from '../../spec/index.ts'
import { ZERO } from '../domain/scalar.ts'
import type { Environment } from '../environment.ts'
import { mayAccessPacket } from '../memory/packet.ts'
import { reject } from '../rejection.ts'
import { type BtfTypeRef, constantReg, Reg, type RegTarget, UNINITIALISED, UNKNOWN_SCALAR } from '../state.ts'
import {
  baseType,
  DYNPTR_LOCAL,
  DYNPTR_RINGBUF,
  DYNPTR_SKB,
  DYNPTR_SKB_META,
  DYNPTR_XDP,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MEM,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  type RegType,
} from '../types.ts'
import { kernelType, typeRef } from './btf-match.ts'
import type { CallContext } from './context.ts'
import { type DynptrKind, dynptrInfo } from './dynptr-slots.ts'
import { borrowed, nodePointer } from './graph.ts'
import { iteratesUnderRcu } from './iterator.ts'
import type { KfuncType, Pointee } from './kfunc-prototype.ts'
import { findField, hasUnusableFields, recordOf, regRecord } from './record.ts'
import { acquireReference } from './references.ts'
import { isScalarStruct } from './scalar-struct.ts'

/** Bytes of the largest object that each CPU may have one of. */
const PERCPU_OBJECT_MAX = 512

/** The kernel's own structure behind what programs see as their context. */
const KERNEL_CONTEXTS: ReadonlyMap<string, string> = new Map([
  ['__sk_buff', 'sk_buff'],
  ['xdp_md', 'xdp_buff'],
  ['bpf_sock', 'sock'],
  ['bpf_sock_addr', 'bpf_sock_addr_kern'],
  ['bpf_sock_ops', 'bpf_sock_ops_kern'],
  ['sk_msg_md', 'sk_msg'],
  ['bpf_sysctl', 'bpf_sysctl_kern'],
  ['bpf_sockopt', 'bpf_sockopt_kern'],
  ['bpf_sk_lookup', 'bpf_sk_lookup_kern'],
  ['sk_reuseport_md', 'sk_reuseport_kern'],
  ['bpf_perf_event_data', 'bpf_perf_event_data_kern'],
])

const DYNPTR_FLAG: Readonly<Record<DynptrKind, RegType>> = {
  local: DYNPTR_LOCAL,
  ringbuf: DYNPTR_RINGBUF,
  skb: DYNPTR_SKB,
  xdp: DYNPTR_XDP,
  skb_meta: DYNPTR_SKB_META,
}

function pointer(type: RegType, aux = 0, target?: RegTarget): Reg {
  return new Reg(type, ZERO, 0, 0, 0, aux, target)
}

/** `bpf_obj_new(type)`: the type is one of the program's. */
function newObject(env: Environment, perCpu: boolean, call: CallContext): Reg {
  const { btf } = env.program
  const constant = call.constant
  if (constant === undefined || constant.valueHigh !== 0) {
    reject('argument_value', 'local type ID argument must be in range [0, U32_MAX]', { regno: 1 })
  }
  if (btf === undefined) return reject('invalid_btf', 'bpf_obj_new/bpf_percpu_obj_new requires prog BTF')
  const id = constant.valueLow >>> 0
  const type = btf.get(id)
  if (type?.kind !== 'struct') {
    return reject('argument_type', 'bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct', { regno: 1 })
  }
  if (hasUnusableFields(btf, id)) {
    reject('invalid_btf', `struct ${type.name} has more special fields than can be kept track of`, { regno: 1 })
  }
  if (!perCpu) return pointer(PTR_TO_BTF_ID | MEM_ALLOC, 0, typeRef(btf, id))
  if (type.size > PERCPU_OBJECT_MAX) {
    reject('too_large', `bpf_percpu_obj_new type size (${type.size}) is greater than ${PERCPU_OBJECT_MAX}`)
  }
  const messages: string[] = []
  if (!isScalarStruct(typeRef(btf, id), messages)) {
    const message = 'bpf_percpu_obj_new type ID argument must be of a struct of scalars'
    reject('argument_type', [...messages, message], { regno: 1 })
  }
  if (recordOf(btf, id).length > 0) {
    reject('argument_type', 'bpf_percpu_obj_new type ID argument must not contain special fields', { regno: 1 })
  }
  return pointer(PTR_TO_BTF_ID | MEM_ALLOC | MEM_PERCPU, 0, typeRef(btf, id))
}

/** `bpf_rdonly_cast(object, type)`: the type is one of the kernel's. */
function castReadOnly(env: Environment, call: CallContext): Reg {
  const { kernelBtf } = env
  const id = (call.constant?.valueLow ?? 0) >>> 0
  if (id === 0) return pointer(PTR_TO_MEM | MEM_RDONLY | PTR_UNTRUSTED)
  const type = kernelBtf?.get(id)
  if (type === undefined) {
    reject('argument_value', `Unknown type ID ${id} passed to kfunc bpf_rdonly_cast`, { regno: 2 })
  }
  if (type.kind !== 'struct' && type.kind !== 'union') {
    const message = 'kfunc bpf_rdonly_cast type ID argument must be of a struct or void'
    reject('argument_type', message, { regno: 2 })
  }
  return pointer(PTR_TO_BTF_ID | PTR_UNTRUSTED, 0, typeRef(kernelBtf!, id))
}

function slice(env: Environment, writable: boolean, call: CallContext): Reg {
  const dynptr = call.dynptr!
  const info = dynptrInfo(dynptr)
  if (writable && !mayAccessPacket(env, true)) {
    reject('read_only', 'the prog does not allow writes to packet data')
  }
  const type = PTR_TO_MEM | DYNPTR_FLAG[info.dynptr] | (writable ? 0 : MEM_RDONLY)
  return pointer(type, call.constant!.constant, info)
}

/** What the context is to the kernel: its BTF lists that for all program types, as members of one structure. */
function kernelContext(env: Environment): BtfTypeRef {
  const { kernelBtf } = env
  const list = kernelBtf?.find('bpf_ctx_convert', 'struct')
  if (kernelBtf === undefined || list === undefined) {
    const context = env.programType.context?.name ?? ''
    return kernelType(env, KERNEL_CONTEXTS.get(context) ?? context)
  }
  const name = `BPF_PROG_TYPE_${env.program.type.toUpperCase()}_kern`
  const id = list.members.find((member) => member.name === name)?.type ?? 0
  const kind = kernelBtf.type(id).kind
  if (kind !== 'struct' && kind !== 'union') {
    reject('argument_type', `kern ctx type id ${id} is not a struct`, { regno: 1 })
  }
  return typeRef(kernelBtf, id)
}

/** What the functions give whose result does not follow from their prototype. */
function specialResult(env: Environment, name: string, to: Pointee, call: CallContext): Reg | undefined {
  switch (name) {
    case 'bpf_obj_new_impl':
      return newObject(env, false, call)
    case 'bpf_percpu_obj_new_impl':
      return newObject(env, true, call)
    case 'bpf_refcount_acquire_impl':
      return pointer(PTR_TO_BTF_ID | MEM_ALLOC, 0, call.objectType)
    case 'bpf_cast_to_kern_ctx':
      return pointer(PTR_TO_BTF_ID | PTR_TRUSTED, 0, kernelContext(env))
    case 'bpf_rdonly_cast':
      return castReadOnly(env, call)
    case 'bpf_dynptr_slice':
      return slice(env, false, call)
    case 'bpf_dynptr_slice_rdwr':
      return slice(env, true, call)
    default:
      return isNode(to) && call.rootField !== undefined ? nodePointer(call.rootField) : undefined
  }
}

function isNode(to: Pointee): boolean {
  return to.kind === 'struct' && (to.name === 'bpf_list_node' || to.name === 'bpf_rb_node')
}

function sizeOfPointee(to: Pointee): number {
  return to.kind === 'scalar' ? to.size : 0
}

function memoryResult(kfunc: KfuncSpec, to: Pointee, call: CallContext): Reg {
  let size = call.bufferSize
  let readOnly = call.bufferReadOnly
  if (kfunc.name === 'bpf_session_cookie') size = 8
  if (size === 0) {
    size = sizeOfPointee(to)
    readOnly = true
  }
  if (size === 0) {
    const what = `${'word' in to ? to.word : 'UNKNOWN'} ${'name' in to ? to.name : ''}`
    reject('unknown_function', `kernel function ${kfunc.name} returns pointer type ${what} is not supported`)
  }
  return pointer(PTR_TO_MEM | (readOnly ? MEM_RDONLY : 0), size).withRef(call.refObjId)
}

function objectResult(env: Environment, kfunc: KfuncSpec, ref: BtfTypeRef, call: CallContext): Reg {
  const isNext = kfunc.flags.includes('iter_next')
  const trust =
    kfunc.name === 'bpf_get_kmem_cache'
      ? PTR_UNTRUSTED
      : kfunc.flags.includes('rcu_protected') || (isNext && iteratesUnderRcu(env, call))
        ? MEM_RCU
        : isNext
          ? PTR_TRUSTED
          : 0
  return pointer(PTR_TO_BTF_ID | trust, 0, ref)
}

function pointerResult(env: Environment, kfunc: KfuncSpec, to: Pointee, call: CallContext): Reg {
  const special = specialResult(env, kfunc.name, to, call)
  if (special === undefined && to.kind === 'void') return UNKNOWN_SCALAR
  let result =
    special ?? (to.kind === 'struct' ? objectResult(env, kfunc, to.ref, call) : memoryResult(kfunc, to, call))
  const nullable =
    kfunc.flags.includes('ret_null') && !(kfunc.name === 'bpf_refcount_acquire_impl' && call.objectIsOwned)
  if (nullable) result = result.withType(result.type | PTR_MAYBE_NULL).withId(env.newId())
  if (kfunc.flags.includes('acquire')) {
    const id = acquireReference(env)
    result = (nullable ? result.withId(id) : result).withRef(id)
  } else if (isNode(to)) {
    result = borrowed(result)
  }
  const lock = baseType(result.type) === PTR_TO_BTF_ID && findField(regRecord(result), 'spin_lock', 'res_spin_lock')
  return lock && result.id === 0 ? result.withId(env.newId()) : result
}

/** r0 becomes what the kernel function gives, r1 to r5 nothing. */
export function setKfuncResult(env: Environment, kfunc: KfuncSpec, returns: KfuncType, call: CallContext): void {
  let result = UNINITIALISED
  if (returns.kind === 'scalar') {
    const locked = kfunc.name === 'bpf_res_spin_lock' || kfunc.name === 'bpf_res_spin_lock_irqsave'
    result = locked ? constantReg(0) : UNKNOWN_SCALAR
  } else if (returns.kind === 'pointer') {
    result = pointerResult(env, kfunc, returns.to, call)
  }
  const { regs } = env.cur.writable()
  for (let i = 1; i <= 5; i++) regs[i] = UNINITIALISED
  regs[0] = result
}
