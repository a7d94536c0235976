/**
 * Which context each program type of Linux has, and which view of it each way of attaching gives.
 * @see https://docs.ebpf.io/linux/program-context/
 * @module
 */
import { BPF_CGROUP_DEV_CTX, BPF_CGROUP_DEV_CTX_ACCESS } from '../contexts/cgroup-device.ts'
import { BPF_NF_CTX, BPF_NF_CTX_ACCESS } from '../contexts/netfilter.ts'
import { BPF_PERF_EVENT_DATA, BPF_PERF_EVENT_DATA_ACCESS, PT_REGS, PT_REGS_ACCESS } from '../contexts/pt-regs.ts'
import { SK_BUFF, SK_BUFF_ACCESS } from '../contexts/sk-buff.ts'
import { BPF_SK_LOOKUP, BPF_SK_LOOKUP_ACCESS } from '../contexts/sk-lookup.ts'
import { SK_MSG_MD, SK_MSG_MD_ACCESS } from '../contexts/sk-msg.ts'
import { SK_REUSEPORT_MD, SK_REUSEPORT_MD_ACCESS } from '../contexts/sk-reuseport.ts'
import { BPF_SOCK, BPF_SOCK_ACCESS } from '../contexts/sock.ts'
import { BPF_SOCK_ADDR, BPF_SOCK_ADDR_ACCESS } from '../contexts/sock-addr.ts'
import { BPF_SOCK_OPS, BPF_SOCK_OPS_ACCESS } from '../contexts/sock-ops.ts'
import { BPF_SOCKOPT, BPF_SOCKOPT_ACCESS } from '../contexts/sockopt.ts'
import { BPF_SYSCTL, BPF_SYSCTL_ACCESS } from '../contexts/sysctl.ts'
import {
  LIRC_SAMPLE,
  LIRC_SAMPLE_ACCESS,
  RAW_TRACEPOINT_ARGS,
  RAW_TRACEPOINT_ARGS_ACCESS,
  RAW_TRACEPOINT_WRITABLE_ARGS,
  RAW_TRACEPOINT_WRITABLE_ARGS_ACCESS,
  TRACEPOINT_RECORD,
  TRACEPOINT_RECORD_ACCESS,
} from '../contexts/trace.ts'
import { XDP_MD, XDP_MD_ACCESS } from '../contexts/xdp-md.ts'
import type { ContextLayout } from '../types.ts'
import { type ContextView, parseAccessTable } from './context-access.ts'

/** A layout with its access table, which is read when somebody asks. */
export class ContextTable {
  readonly layout: ContextLayout
  readonly text: string
  private parsed: ReadonlyMap<string, ContextView> | undefined = undefined

  constructor(layout: ContextLayout, text: string) {
    this.layout = layout
    this.text = text
  }

  get views(): ReadonlyMap<string, ContextView> {
    this.parsed ??= parseAccessTable(this.layout, this.text)
    return this.parsed
  }

  view(name: string): ContextView {
    return this.views.get(name)!
  }
}

const SK_BUFF_TABLE = new ContextTable(SK_BUFF, SK_BUFF_ACCESS)
const ARGUMENTS_TABLE = new ContextTable(RAW_TRACEPOINT_ARGS, RAW_TRACEPOINT_ARGS_ACCESS)

/** Every context that has a table, for documents. */
export const CONTEXT_TABLES = {
  xdp: new ContextTable(XDP_MD, XDP_MD_ACCESS),
  socketBuffer: SK_BUFF_TABLE,
  sock: new ContextTable(BPF_SOCK, BPF_SOCK_ACCESS),
  sockAddr: new ContextTable(BPF_SOCK_ADDR, BPF_SOCK_ADDR_ACCESS),
  sockOps: new ContextTable(BPF_SOCK_OPS, BPF_SOCK_OPS_ACCESS),
  sockopt: new ContextTable(BPF_SOCKOPT, BPF_SOCKOPT_ACCESS),
  skMsg: new ContextTable(SK_MSG_MD, SK_MSG_MD_ACCESS),
  skLookup: new ContextTable(BPF_SK_LOOKUP, BPF_SK_LOOKUP_ACCESS),
  skReuseport: new ContextTable(SK_REUSEPORT_MD, SK_REUSEPORT_MD_ACCESS),
  sysctl: new ContextTable(BPF_SYSCTL, BPF_SYSCTL_ACCESS),
  cgroupDevice: new ContextTable(BPF_CGROUP_DEV_CTX, BPF_CGROUP_DEV_CTX_ACCESS),
  netfilter: new ContextTable(BPF_NF_CTX, BPF_NF_CTX_ACCESS),
  registers: new ContextTable(PT_REGS, PT_REGS_ACCESS),
  perfEvent: new ContextTable(BPF_PERF_EVENT_DATA, BPF_PERF_EVENT_DATA_ACCESS),
  tracepoint: new ContextTable(TRACEPOINT_RECORD, TRACEPOINT_RECORD_ACCESS),
  rawTracepoint: ARGUMENTS_TABLE,
  rawTracepointWritable: new ContextTable(RAW_TRACEPOINT_WRITABLE_ARGS, RAW_TRACEPOINT_WRITABLE_ARGS_ACCESS),
  lirc: new ContextTable(LIRC_SAMPLE, LIRC_SAMPLE_ACCESS),
} as const

/** How a program type sees its context. */
export interface ContextUse {
  readonly table: ContextTable
  /** The view of a program whose way of attaching has none of its own, or is not known. */
  readonly view: string
  /** Views by attach type. */
  readonly byAttachType?: ReadonlyMap<string, string>
}

const views = (rows: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(rows).flatMap(([view, names]) => names.split(' ').map((name) => [name, view] as const)))

const use = (table: ContextTable, view: string, byAttachType?: Readonly<Record<string, string>>): ContextUse => ({
  table,
  view,
  ...(byAttachType !== undefined && { byAttachType: views(byAttachType) }),
})

const TABLES = CONTEXT_TABLES
const LWT = use(SK_BUFF_TABLE, 'lwt')
const TC = use(SK_BUFF_TABLE, 'tc')
/** The bare arguments of a function; BTF says what they are. */
const ARGUMENTS = use(ARGUMENTS_TABLE, 'raw_tracepoint')

/** By program type. A type that is missing has a context of which nothing is laid out here, or none. */
export const CONTEXT_USES: ReadonlyMap<string, ContextUse> = new Map([
  ['socket_filter', use(SK_BUFF_TABLE, 'socket_filter')],
  ['kprobe', use(TABLES.registers, 'kprobe')],
  ['sched_cls', TC],
  ['sched_act', TC],
  ['tracepoint', use(TABLES.tracepoint, 'tracepoint')],
  ['xdp', use(TABLES.xdp, 'xdp', { xdp_devmap: 'xdp_devmap' })],
  ['perf_event', use(TABLES.perfEvent, 'perf_event')],
  ['cgroup_skb', use(SK_BUFF_TABLE, 'cgroup_skb')],
  [
    'cgroup_sock',
    use(TABLES.sock, 'sock_create', {
      post_bind4: 'cgroup_inet4_post_bind',
      post_bind6: 'cgroup_inet6_post_bind',
    }),
  ],
  ['lwt_in', LWT],
  ['lwt_out', LWT],
  ['lwt_xmit', LWT],
  ['lwt_seg6local', LWT],
  ['sock_ops', use(TABLES.sockOps, 'sock_ops')],
  ['sk_skb', use(SK_BUFF_TABLE, 'sk_skb')],
  ['cgroup_device', use(TABLES.cgroupDevice, 'cgroup_device')],
  ['sk_msg', use(TABLES.skMsg, 'sk_msg')],
  ['raw_tracepoint', ARGUMENTS],
  [
    'cgroup_sock_addr',
    use(TABLES.sockAddr, 'unix', {
      inet4:
        'cgroup_inet4_bind cgroup_inet4_connect cgroup_udp4_recvmsg cgroup_inet4_getpeername cgroup_inet4_getsockname',
      inet6:
        'cgroup_inet6_bind cgroup_inet6_connect cgroup_udp6_recvmsg cgroup_inet6_getpeername cgroup_inet6_getsockname',
      udp4_sendmsg: 'cgroup_udp4_sendmsg',
      udp6_sendmsg: 'cgroup_udp6_sendmsg',
    }),
  ],
  ['lirc_mode2', use(TABLES.lirc, 'lirc_mode2')],
  ['sk_reuseport', use(TABLES.skReuseport, 'sk_reuseport')],
  ['flow_dissector', use(SK_BUFF_TABLE, 'flow_dissector')],
  ['cgroup_sysctl', use(TABLES.sysctl, 'cgroup_sysctl')],
  ['raw_tracepoint_writable', use(TABLES.rawTracepointWritable, 'raw_tracepoint_writable')],
  ['cgroup_sockopt', use(TABLES.sockopt, 'getsockopt', { setsockopt: 'cgroup_setsockopt' })],
  ['tracing', ARGUMENTS],
  ['lsm', ARGUMENTS],
  ['struct_ops', ARGUMENTS],
  ['sk_lookup', use(TABLES.skLookup, 'sk_lookup')],
  ['netfilter', use(TABLES.netfilter, 'netfilter')],
])

export function viewOf(use: ContextUse, attachType: string | undefined): ContextView {
  const name = attachType === undefined ? undefined : use.byAttachType?.get(attachType)
  return use.table.view(name ?? use.view)
}
