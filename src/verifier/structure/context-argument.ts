/**
 * Whether a parameter of a function is the program's context, by its type in BTF or because a tag says so.
 * @see https://docs.ebpf.io/linux/concepts/functions/#global-functions
 * @module
 */
import type { Btf, BtfPtr, BtfType } from '../../btf/index.ts'
import { peel } from './function-info.ts'

const SK_BUFF = '__sk_buff'

/** The C structure of each program type's context; of the types that are not here the context has no name. */
const CONTEXT_NAMES: ReadonlyMap<string, string> = new Map([
  ['socket_filter', SK_BUFF],
  ['sched_cls', SK_BUFF],
  ['sched_act', SK_BUFF],
  ['cgroup_skb', SK_BUFF],
  ['lwt_in', SK_BUFF],
  ['lwt_out', SK_BUFF],
  ['lwt_xmit', SK_BUFF],
  ['lwt_seg6local', SK_BUFF],
  ['sk_skb', SK_BUFF],
  ['flow_dissector', SK_BUFF],
  ['xdp', 'xdp_md'],
  ['kprobe', 'pt_regs'],
  ['perf_event', 'bpf_perf_event_data'],
  ['raw_tracepoint', 'bpf_raw_tracepoint_args'],
  ['raw_tracepoint_writable', 'bpf_raw_tracepoint_args'],
  ['cgroup_sock', 'bpf_sock'],
  ['cgroup_sock_addr', 'bpf_sock_addr'],
  ['cgroup_device', 'bpf_cgroup_dev_ctx'],
  ['cgroup_sysctl', 'bpf_sysctl'],
  ['cgroup_sockopt', 'bpf_sockopt'],
  ['sock_ops', 'bpf_sock_ops'],
  ['sk_msg', 'sk_msg_md'],
  ['sk_reuseport', 'sk_reuseport_md'],
  ['sk_lookup', 'bpf_sk_lookup'],
  ['netfilter', 'bpf_nf_ctx'],
])

/** What the kernel has in place of what programs see. */
const KERNEL_SIDE: ReadonlyMap<string, string> = new Map([
  [SK_BUFF, 'sk_buff'],
  ['xdp_md', 'xdp_buff'],
])

const REGISTERS_TYPEDEF = 'bpf_user_pt_regs_t'

/** The name of the first typedef on the way, or ''. */
function typedefName(btf: Btf, id: number): string {
  let type = btf.get(id)
  for (let depth = 0; type !== undefined && depth < 64; depth++) {
    if (type.kind === 'typedef') return type.name
    if (type.kind !== 'const' && type.kind !== 'volatile' && type.kind !== 'restrict' && type.kind !== 'type_tag') break
    type = btf.get(type.type)
  }
  return ''
}

const isStruct = (type: BtfType): boolean => type.kind === 'struct' || type.kind === 'union'
const isWord = (type: BtfType): boolean => type.kind === 'int' && type.size === 8

/** The pointer's type alone says that it is the context of this kind of program. */
export function isContextPointer(btf: Btf, pointer: BtfPtr, programType: string): boolean {
  if (programType === 'kprobe' && typedefName(btf, pointer.type) === REGISTERS_TYPEDEF) return true
  const target = peel(btf, pointer.type)
  if (target === undefined || !isStruct(target)) return false
  const name = CONTEXT_NAMES.get(programType)
  return name !== undefined && (target.name === name || target.name === KERNEL_SIDE.get(name))
}

/** What is wrong with a parameter that is tagged as the context; undefined if nothing is. */
export function contextTagProblem(
  btf: Btf,
  pointer: BtfPtr,
  arg: number,
  programType: string,
  attachType: string | undefined,
): string | undefined {
  const registers = programType === 'kprobe' || programType === 'perf_event'
  if (registers && typedefName(btf, pointer.type) === REGISTERS_TYPEDEF) return undefined
  const target = peel(btf, pointer.type)
  if (target?.kind === 'void') return undefined
  if (target === undefined || target.name === '') return `arg#${arg} type doesn't have a name`
  switch (programType) {
    case 'kprobe':
    case 'perf_event':
      if (isStruct(target) && target.name === 'pt_regs') return undefined
      break
    case 'raw_tracepoint':
    case 'raw_tracepoint_writable':
    case 'lsm':
    case 'struct_ops':
      if (isWord(target)) return undefined
      break
    case 'tracing':
      if (attachType === 'trace_iter') {
        if (isStruct(target) && target.name.startsWith('bpf_iter__')) return undefined
      } else if (isWord(target)) return undefined
      else if (attachType === 'trace_raw_tp' && isStruct(target) && target.name === 'bpf_raw_tracepoint_args') {
        return undefined
      }
      break
    case 'tracepoint':
    case 'syscall':
    case 'ext':
      return undefined
  }
  const name = CONTEXT_NAMES.get(programType)
  if (name === undefined) return `arg#${arg} should be void pointer`
  return isStruct(target) && target.name === name ? undefined : `arg#${arg} should be \`struct ${name} *\``
}
