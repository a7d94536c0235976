/**
 * What a program with a typed context attaches to, and the prototype that says what its arguments are: a kernel
 * function, a raw tracepoint, an LSM hook, an iterator, an operation of a structure.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_TRACING/
 * @module
 */
import type { Btf, BtfFuncProto, BtfType } from '../../btf/index.ts'
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'

export interface AttachTarget {
  readonly btf: Btf
  /** As messages name it: `bpf_fentry_test1`, `sched_switch`. */
  readonly name: string
  readonly proto: BtfFuncProto
  /** Leading parameters that programs do not see: the `void *__data` of a raw tracepoint. */
  readonly hidden: number
}

const TARGETS = new WeakMap<Environment, { target: AttachTarget | undefined }>()

/** Undefined where it is not known: there is no kernel BTF, or no such function in it. */
export function attachTarget(env: Environment): AttachTarget | undefined {
  let known = TARGETS.get(env)
  if (known === undefined) TARGETS.set(env, (known = { target: find(env) }))
  return known.target
}

/**
 * Refuses a program for a kernel function, tracepoint or hook that the kernel's types do not have: loaders look its type
 * up before they load (libbpf fails with ESRCH). Functions of modules (`module:function`) are in types of their own.
 */
export function checkAttachTarget(env: Environment): void {
  const { type, attachTo } = env.program
  if (env.kernelBtf === undefined || attachTo === undefined || attachTo.includes(':')) return
  if ((type !== 'tracing' && type !== 'lsm') || attachTarget(env) !== undefined) return
  reject('attach_target', `there is no ${attachTo} in the types of the kernel`, { attachTo, own: true })
}

function find(env: Environment): AttachTarget | undefined {
  const { kernelBtf: btf } = env
  const { type, attachType, attachTo } = env.program
  if (btf === undefined || attachTo === undefined) return undefined
  if (type === 'struct_ops') return operation(btf, attachTo)
  if (attachType === 'trace_raw_tp') {
    const proto = prototype(btf, btf.find(`btf_trace_${attachTo}`, 'typedef'))
    return proto && { btf, name: `btf_trace_${attachTo}`, proto, hidden: 1 }
  }
  const prefix = type === 'lsm' ? 'bpf_lsm_' : attachType === 'trace_iter' ? 'bpf_iter_' : ''
  for (const name of [prefix + attachTo, attachTo]) {
    const proto = prototype(btf, btf.find(name, 'func'))
    if (proto !== undefined) return { btf, name, proto, hidden: 0 }
  }
  return undefined
}

/** `STRUCT.MEMBER` of a structure of operations: `tcp_congestion_ops.ssthresh`. */
function operation(btf: Btf, path: string): AttachTarget | undefined {
  const [structName = '', memberName = ''] = path.split(/[./]/)
  const member = btf.find(structName, 'struct')?.members.find((one) => one.name === memberName)
  const proto = member && prototype(btf, btf.type(member.type))
  return proto && { btf, name: memberName, proto, hidden: 0 }
}

/** The prototype of a function, or of what is a pointer to one. */
function prototype(btf: Btf, type: BtfType | undefined): BtfFuncProto | undefined {
  if (type === undefined) return undefined
  let at = type.kind === 'func' ? btf.type(type.type) : btf.resolve(type.id)
  if (at.kind === 'ptr') at = btf.resolve(at.type)
  return at.kind === 'func_proto' ? at : undefined
}
