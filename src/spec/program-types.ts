/**
 * The program types of Linux, by name and number, with the names of what they return.
 * @see https://docs.ebpf.io/linux/program-type/
 * @module
 */
import { CONTEXT_USES } from './rules/contexts.ts'
import { linuxRules, plainMemoryRules } from './rules/program-rules.ts'
import type { ProgramTypeSpec } from './types.ts'
import { TC_VERDICTS, type Verdicts, XDP_VERDICTS } from './verdicts.ts'

const SOCKET_VERDICTS: Verdicts = { 0: 'SK_DROP', 1: 'SK_PASS' }
const LWT_VERDICTS: Verdicts = { 0: 'BPF_OK', 2: 'BPF_DROP', 7: 'BPF_REDIRECT', 128: 'BPF_LWT_REROUTE' }
const DISSECTOR_VERDICTS: Verdicts = { 0: 'BPF_OK', 2: 'BPF_DROP', 129: 'BPF_FLOW_DISSECTOR_CONTINUE' }
const NETFILTER_VERDICTS: Verdicts = { 0: 'NF_DROP', 1: 'NF_ACCEPT' }

function type(id: number, name: string, since: string, summary: string, verdicts?: Verdicts): ProgramTypeSpec {
  const context = CONTEXT_USES.get(name)?.table.layout
  return { id, name, since, summary, context, ...(verdicts !== undefined && { verdicts }), rules: linuxRules(name) }
}

export const XDP_PROGRAM_TYPE = type(6, 'xdp', '4.8', 'Decides over packets in the network driver.', XDP_VERDICTS)

export const SOCKET_FILTER_PROGRAM_TYPE = type(
  1,
  'socket_filter',
  '3.19',
  'Decides how many bytes of a packet a socket keeps.',
)

export const SCHED_CLS_PROGRAM_TYPE = type(
  3,
  'sched_cls',
  '4.1',
  'Classifies and acts on packets in traffic control.',
  TC_VERDICTS,
)

export const SCHED_ACT_PROGRAM_TYPE = type(
  4,
  'sched_act',
  '4.1',
  'Acts on packets that a traffic control filter selected.',
  TC_VERDICTS,
)

export const CGROUP_SKB_PROGRAM_TYPE = type(8, 'cgroup_skb', '4.10', 'Lets packets of a cgroup in or out.')

/** Every program type, of every version. */
export const LINUX_PROGRAM_TYPES: readonly ProgramTypeSpec[] = [
  SOCKET_FILTER_PROGRAM_TYPE,
  type(2, 'kprobe', '4.1', 'Runs at an instruction of the kernel (kprobe) or of a process (uprobe).'),
  SCHED_CLS_PROGRAM_TYPE,
  SCHED_ACT_PROGRAM_TYPE,
  type(5, 'tracepoint', '4.7', 'Runs at a static tracepoint of the kernel.'),
  XDP_PROGRAM_TYPE,
  type(7, 'perf_event', '4.9', 'Runs at samples of a performance event.'),
  CGROUP_SKB_PROGRAM_TYPE,
  type(9, 'cgroup_sock', '4.10', 'Allows sockets of a cgroup to be made, bound and released.'),
  type(10, 'lwt_in', '4.10', 'Handles packets that a route delivers.', LWT_VERDICTS),
  type(11, 'lwt_out', '4.10', 'Handles packets that leave by a route.', LWT_VERDICTS),
  type(12, 'lwt_xmit', '4.10', 'Handles packets of a route just before they are sent.', LWT_VERDICTS),
  type(13, 'sock_ops', '4.13', 'Follows TCP connections and sets their options.'),
  type(14, 'sk_skb', '4.14', 'Parses streams, and redirects data between sockets.', SOCKET_VERDICTS),
  type(15, 'cgroup_device', '4.15', 'Allows access to devices.'),
  type(16, 'sk_msg', '4.17', 'Decides over messages that are sent through a socket.', SOCKET_VERDICTS),
  type(17, 'raw_tracepoint', '4.17', 'Runs at a tracepoint, with its bare arguments.'),
  type(18, 'cgroup_sock_addr', '4.17', 'Rewrites addresses in socket calls.'),
  type(19, 'lwt_seg6local', '4.18', 'Acts on packets with a segment routing header.', LWT_VERDICTS),
  type(20, 'lirc_mode2', '4.18', 'Decodes infrared remote controls.'),
  type(21, 'sk_reuseport', '4.19', 'Chooses a socket of a reuseport group.', SOCKET_VERDICTS),
  type(22, 'flow_dissector', '4.20', 'Finds the headers of a packet.', DISSECTOR_VERDICTS),
  type(23, 'cgroup_sysctl', '5.2', 'Allows and rewrites access to sysctls.'),
  type(24, 'raw_tracepoint_writable', '5.2', 'A raw tracepoint whose argument may be written.'),
  type(25, 'cgroup_sockopt', '5.3', 'Allows and rewrites socket options.'),
  type(
    26,
    'tracing',
    '5.5',
    'Runs at entry or exit of a kernel function, or over kernel objects, with typed arguments.',
  ),
  type(27, 'struct_ops', '5.6', 'Implements a structure of kernel callbacks.'),
  type(28, 'ext', '5.6', 'Replaces a global function of another program.'),
  type(29, 'lsm', '5.7', 'Decides at a hook of the security framework.'),
  type(30, 'sk_lookup', '5.9', 'Chooses the socket that receives a connection.', SOCKET_VERDICTS),
  type(31, 'syscall', '5.14', 'Runs on request, and may perform system calls of BPF.'),
  type(32, 'netfilter', '6.4', 'Decides at a netfilter hook.', NETFILTER_VERDICTS),
]

/** The program type that has no platform around it: r1 is the address of some memory and r2 its length. */
export const RAW_PROGRAM_TYPE: ProgramTypeSpec = rawProgramType(0)

/** The same, for input of at least `size` bytes: so many a verifier lets it access. */
export function rawProgramType(size: number): ProgramTypeSpec {
  return {
    id: 0,
    name: 'raw',
    context: undefined,
    summary: 'Runs on a piece of memory: r1 is its address, r2 its length.',
    rules: plainMemoryRules(size),
  }
}
