/**
 * Typed contexts: the arguments of what a program attaches to, eight bytes each, typed by the kernel's BTF.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_TRACING/
 * @module
 */
import type { Btf, BtfParam, BtfType, BtfTypeId } from '../../btf/index.ts'
import { typeRef } from '../calls/btf-match.ts'
import { scalarBetween } from '../domain/refine.ts'
import type { Environment } from '../environment.ts'
import { pointerReg, type Reg, scalarReg, UNKNOWN_SCALAR } from '../state.ts'
import { MEM_PERCPU, MEM_USER, PTR_MAYBE_NULL, PTR_TO_BTF_ID, PTR_TRUSTED, type RegType } from '../types.ts'
import { type AttachTarget, attachTarget } from './attach-target.ts'
import { ITERATOR_ARGUMENTS } from './iterator-arguments.ts'
import { mayBeError, mayBeNull } from './raw-tracepoints.ts'
import { tagFlags } from './struct-walk.ts'

/** A function has no more arguments. */
const MAX_ARGUMENTS = 12

/** LSM hooks that answer with a truth value; the others with zero or an error. */
const BOOLEAN_HOOKS: ReadonlySet<string> = new Set(['bpf_lsm_inode_xattr_skipcap', 'bpf_lsm_audit_rule_known'])

const MAX_ERRNO = 4095

/** What a load of `size` bytes at `off` of the context gives, or what Linux says against it, if anything. */
export function typedArgument(env: Environment, off: number, size: number): Reg | string[] {
  if (off < 0 || off >= 8 * MAX_ARGUMENTS || off % size !== 0) return []
  const target = attachTarget(env)
  if (target === undefined) return UNKNOWN_SCALAR
  const { btf, proto, hidden } = target
  if (off % 8 !== 0) return [`func '${target.name}' offset ${off} is not multiple of 8`]
  const index = argumentAt(target, off)
  const count = proto.params.length - hidden
  const absent = `func '${target.name}' doesn't have ${index + 1}-th argument`
  if (index > count) return [absent]
  const result = index === count
  if (result) {
    const { attachType } = env.program
    if (attachType === 'modify_return') {
      const type = btf.resolve(proto.returnType)
      if (type.kind !== 'int' || type.size > 8) return [`ret type ${kindName(type)} not allowed for fmod_ret`]
    } else if (attachType !== 'lsm_mac' && attachType !== 'lsm_cgroup' && attachType !== 'trace_fexit') {
      return [absent]
    }
  }
  const param = result ? undefined : proto.params[index + hidden]
  return loadedValue(env, target, index, param, param?.type ?? proto.returnType, off, size)
}

/** Arguments take as many eights of bytes as they need; what is behind them all is the result. */
function argumentAt({ btf, proto, hidden }: AttachTarget, off: number): number {
  let end = 0
  for (let i = hidden; i < proto.params.length; i++) {
    end += slotSize(btf, proto.params[i]!.type)
    if (off < end) return i - hidden
  }
  end += slotSize(btf, proto.returnType)
  const count = proto.params.length - hidden
  return off < end ? count : count + 1
}

function slotSize(btf: Btf, id: BtfTypeId): number {
  const type = btf.resolve(id)
  return 'size' in type ? Math.ceil(type.size / 8) * 8 : type.kind === 'ptr' ? 8 : 0
}

function isNumber(type: BtfType): boolean {
  return (
    (type.kind === 'int' && type.size <= 8) ||
    type.kind === 'enum' ||
    type.kind === 'enum64' ||
    type.kind === 'struct' ||
    type.kind === 'union'
  )
}

/** Linux's name of a BTF kind, in messages. */
function kindName(type: BtfType): string {
  return type.kind.toUpperCase()
}

function loadedValue(
  env: Environment,
  target: AttachTarget,
  index: number,
  param: BtfParam | undefined,
  id: BtfTypeId,
  off: number,
  size: number,
): Reg | string[] {
  const { btf, name } = target
  const type = btf.resolve(id)
  if (isNumber(type)) return param === undefined ? resultOf(env, target) : UNKNOWN_SCALAR
  if (type.kind !== 'ptr') {
    const what = `func '${name}' arg${index} '${type.name || '(anon)'}' has type ${kindName(type)}`
    return [`${what}. Only pointer access is allowed`]
  }
  if (size !== 8) return [`func '${name}' size ${size} must be 8`]
  const iterated = env.program.attachType === 'trace_iter' ? ITERATOR_ARGUMENTS.get(name)?.get(off) : undefined
  if (iterated !== undefined && iterated.btf === undefined) return pointer(env, iterated.type, undefined)
  const pointee = btf.resolve(type.type)
  if (pointee.kind === 'void' || pointee.kind === 'int') return UNKNOWN_SCALAR
  if (iterated?.btf !== undefined) {
    const found = btf.find(iterated.btf, 'struct')
    return found === undefined ? UNKNOWN_SCALAR : pointer(env, iterated.type, typeRef(btf, found.id))
  }
  if (pointee.kind !== 'struct' && pointee.kind !== 'union') {
    return [`func '${name}' arg${index} type ${kindName(pointee)} is not a struct`]
  }
  let flags = argumentsTrusted(env) ? PTR_TRUSTED : 0
  if (param?.name.endsWith('__nullable') === true) flags |= PTR_MAYBE_NULL
  if (env.program.attachType === 'trace_raw_tp') {
    const tracepoint = name.slice('btf_trace_'.length)
    if (mayBeError(tracepoint, index)) return UNKNOWN_SCALAR
    // Of what a module's tracepoints hand over, nothing is known.
    if (mayBeNull(tracepoint, index, btf.base !== undefined)) flags |= PTR_MAYBE_NULL
  }
  flags |= tagFlags(btf, type.type) & (MEM_USER | MEM_PERCPU)
  return pointer(env, PTR_TO_BTF_ID | flags, promoted(env, btf, pointee))
}

function pointer(env: Environment, type: RegType, target: ReturnType<typeof typeRef> | undefined): Reg {
  const reg = pointerReg(type, 0, target)
  return (type & PTR_MAYBE_NULL) === 0 ? reg : reg.withId(env.newId())
}

/** Congestion control is handed TCP sockets, whatever the prototype says. */
function promoted(env: Environment, btf: Btf, pointee: BtfType): ReturnType<typeof typeRef> {
  const tcp =
    pointee.name === 'sock' && env.program.attachTo?.startsWith('tcp_congestion_ops') === true
      ? btf.find('tcp_sock', 'struct')
      : undefined
  return typeRef(btf, (tcp ?? pointee).id)
}

/** The caller holds what it hands over for as long as the program runs. */
function argumentsTrusted(env: Environment): boolean {
  const { type, attachType } = env.program
  if (type === 'tracing') return attachType === 'trace_raw_tp' || attachType === 'trace_iter'
  if (type === 'lsm') return !UNTRUSTED_HOOKS.has(env.program.attachTo?.replace(/^bpf_lsm_/, '') ?? '')
  return type === 'struct_ops'
}

/** LSM hooks that are handed objects which are being freed. */
const UNTRUSTED_HOOKS: ReadonlySet<string> = new Set([
  'bpf_map_free',
  'bpf_prog_free',
  'file_alloc_security',
  'file_free_security',
  'sk_alloc_security',
  'sk_free_security',
  'task_free',
])

/** The result of what was attached to. */
function resultOf(env: Environment, { name, proto }: AttachTarget): Reg {
  if (env.program.type !== 'lsm' || env.program.attachType !== 'lsm_mac' || proto.returnType === 0) {
    return UNKNOWN_SCALAR
  }
  return scalarReg(
    BOOLEAN_HOOKS.has(name) ? scalarBetween({ smin: 0, smax: 1 }) : scalarBetween({ smin: -MAX_ERRNO, smax: 0 }),
  )
}
