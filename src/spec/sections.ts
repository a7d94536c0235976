/**
 * What the name of a section of code says about the programs in it: their type, where they attach, whether they may
 * sleep. The names are libbpf's; what follows are older conventions that real objects use.
 * @see https://docs.kernel.org/bpf/libbpf/program_types.html
 * @see https://docs.ebpf.io/ebpf-library/libbpf/ebpf/SEC/ for the names that the page above lacks
 * @module
 */

export interface SectionRow {
  /**
   * `name`: exactly this. `name+`: this, or this and `/extra`. `name*`: anything that begins with it, as libbpf took
   * it before version 1.0.
   */
  readonly pattern: string
  /** Program type by bpftool's name. */
  readonly type: string
  /** Attach type by bpftool's name. */
  readonly attachType?: string
  readonly sleepable?: true
  /** Multi-buffer packets. */
  readonly frags?: true
}

/** What a section name means. */
export interface SectionMeaning {
  readonly type: string
  readonly attachType: string | undefined
  /** What follows the name: `tcp_connect` in `kprobe/tcp_connect`. */
  readonly attachTo: string | undefined
  readonly sleepable: boolean
  readonly frags: boolean
  /** False for a section that begins with `?`. */
  readonly autoload: boolean
}

const row = (pattern: string, type: string, attachType?: string, flags?: Pick<SectionRow, 'sleepable' | 'frags'>) =>
  ({ pattern, type, ...(attachType === undefined ? {} : { attachType }), ...flags }) satisfies SectionRow

const SLEEPABLE = { sleepable: true } as const
const FRAGS = { frags: true } as const

/** Rows are tried in order; the first that matches wins. */
export const SECTION_TABLE: readonly SectionRow[] = [
  row('socket', 'socket_filter'),
  row('sk_reuseport/migrate', 'sk_reuseport', 'sk_reuseport_select_or_migrate'),
  row('sk_reuseport', 'sk_reuseport', 'sk_reuseport_select'),
  row('kprobe+', 'kprobe'),
  row('uprobe+', 'kprobe'),
  row('uprobe.s+', 'kprobe', undefined, SLEEPABLE),
  row('kretprobe+', 'kprobe'),
  row('uretprobe+', 'kprobe'),
  row('uretprobe.s+', 'kprobe', undefined, SLEEPABLE),
  row('kprobe.multi+', 'kprobe', 'trace_kprobe_multi'),
  row('kretprobe.multi+', 'kprobe', 'trace_kprobe_multi'),
  row('kprobe.session+', 'kprobe', 'trace_kprobe_session'),
  row('uprobe.multi+', 'kprobe', 'trace_uprobe_multi'),
  row('uretprobe.multi+', 'kprobe', 'trace_uprobe_multi'),
  row('uprobe.session+', 'kprobe', 'trace_uprobe_session'),
  row('uprobe.multi.s+', 'kprobe', 'trace_uprobe_multi', SLEEPABLE),
  row('uretprobe.multi.s+', 'kprobe', 'trace_uprobe_multi', SLEEPABLE),
  row('uprobe.session.s+', 'kprobe', 'trace_uprobe_session', SLEEPABLE),
  row('ksyscall+', 'kprobe'),
  row('kretsyscall+', 'kprobe'),
  row('usdt+', 'kprobe'),
  row('usdt.s+', 'kprobe', undefined, SLEEPABLE),
  row('tc/ingress', 'sched_cls', 'tcx_ingress'),
  row('tc/egress', 'sched_cls', 'tcx_egress'),
  row('tcx/ingress', 'sched_cls', 'tcx_ingress'),
  row('tcx/egress', 'sched_cls', 'tcx_egress'),
  row('tc', 'sched_cls'),
  row('classifier', 'sched_cls'),
  row('action', 'sched_act'),
  row('netkit/primary', 'sched_cls', 'netkit_primary'),
  row('netkit/peer', 'sched_cls', 'netkit_peer'),
  row('tracepoint+', 'tracepoint'),
  row('tp+', 'tracepoint'),
  row('raw_tracepoint+', 'raw_tracepoint'),
  row('raw_tp+', 'raw_tracepoint'),
  row('raw_tracepoint.w+', 'raw_tracepoint_writable'),
  row('raw_tp.w+', 'raw_tracepoint_writable'),
  row('tp_btf+', 'tracing', 'trace_raw_tp'),
  row('fentry+', 'tracing', 'trace_fentry'),
  row('fmod_ret+', 'tracing', 'modify_return'),
  row('fexit+', 'tracing', 'trace_fexit'),
  row('fsession+', 'tracing', 'trace_fsession'),
  row('fentry.s+', 'tracing', 'trace_fentry', SLEEPABLE),
  row('fmod_ret.s+', 'tracing', 'modify_return', SLEEPABLE),
  row('fexit.s+', 'tracing', 'trace_fexit', SLEEPABLE),
  row('fsession.s+', 'tracing', 'trace_fsession', SLEEPABLE),
  row('freplace+', 'ext'),
  row('lsm+', 'lsm', 'lsm_mac'),
  row('lsm.s+', 'lsm', 'lsm_mac', SLEEPABLE),
  row('lsm_cgroup+', 'lsm', 'lsm_cgroup'),
  row('iter+', 'tracing', 'trace_iter'),
  row('iter.s+', 'tracing', 'trace_iter', SLEEPABLE),
  row('syscall', 'syscall', undefined, SLEEPABLE),
  row('xdp.frags/devmap', 'xdp', 'xdp_devmap', FRAGS),
  row('xdp/devmap', 'xdp', 'xdp_devmap'),
  row('xdp.frags/cpumap', 'xdp', 'xdp_cpumap', FRAGS),
  row('xdp/cpumap', 'xdp', 'xdp_cpumap'),
  row('xdp.frags', 'xdp', 'xdp', FRAGS),
  row('xdp', 'xdp', 'xdp'),
  row('perf_event', 'perf_event'),
  row('lwt_in', 'lwt_in'),
  row('lwt_out', 'lwt_out'),
  row('lwt_xmit', 'lwt_xmit'),
  row('lwt_seg6local', 'lwt_seg6local'),
  row('sockops', 'sock_ops', 'cgroup_sock_ops'),
  row('sk_skb/stream_parser', 'sk_skb', 'sk_skb_stream_parser'),
  row('sk_skb/stream_verdict', 'sk_skb', 'sk_skb_stream_verdict'),
  row('sk_skb/verdict', 'sk_skb', 'sk_skb_verdict'),
  row('sk_skb', 'sk_skb'),
  row('sk_msg', 'sk_msg', 'sk_msg_verdict'),
  row('lirc_mode2', 'lirc_mode2', 'lirc_mode2'),
  row('flow_dissector', 'flow_dissector', 'flow_dissector'),
  row('cgroup_skb/ingress', 'cgroup_skb', 'cgroup_inet_ingress'),
  row('cgroup_skb/egress', 'cgroup_skb', 'cgroup_inet_egress'),
  row('cgroup/skb', 'cgroup_skb'),
  row('cgroup/sock_create', 'cgroup_sock', 'cgroup_inet_sock_create'),
  row('cgroup/sock_release', 'cgroup_sock', 'cgroup_inet_sock_release'),
  row('cgroup/sock', 'cgroup_sock', 'cgroup_inet_sock_create'),
  row('cgroup/post_bind4', 'cgroup_sock', 'cgroup_inet4_post_bind'),
  row('cgroup/post_bind6', 'cgroup_sock', 'cgroup_inet6_post_bind'),
  row('cgroup/bind4', 'cgroup_sock_addr', 'cgroup_inet4_bind'),
  row('cgroup/bind6', 'cgroup_sock_addr', 'cgroup_inet6_bind'),
  row('cgroup/connect4', 'cgroup_sock_addr', 'cgroup_inet4_connect'),
  row('cgroup/connect6', 'cgroup_sock_addr', 'cgroup_inet6_connect'),
  row('cgroup/connect_unix', 'cgroup_sock_addr', 'cgroup_unix_connect'),
  row('cgroup/sendmsg4', 'cgroup_sock_addr', 'cgroup_udp4_sendmsg'),
  row('cgroup/sendmsg6', 'cgroup_sock_addr', 'cgroup_udp6_sendmsg'),
  row('cgroup/sendmsg_unix', 'cgroup_sock_addr', 'cgroup_unix_sendmsg'),
  row('cgroup/recvmsg4', 'cgroup_sock_addr', 'cgroup_udp4_recvmsg'),
  row('cgroup/recvmsg6', 'cgroup_sock_addr', 'cgroup_udp6_recvmsg'),
  row('cgroup/recvmsg_unix', 'cgroup_sock_addr', 'cgroup_unix_recvmsg'),
  row('cgroup/getpeername4', 'cgroup_sock_addr', 'cgroup_inet4_getpeername'),
  row('cgroup/getpeername6', 'cgroup_sock_addr', 'cgroup_inet6_getpeername'),
  row('cgroup/getpeername_unix', 'cgroup_sock_addr', 'cgroup_unix_getpeername'),
  row('cgroup/getsockname4', 'cgroup_sock_addr', 'cgroup_inet4_getsockname'),
  row('cgroup/getsockname6', 'cgroup_sock_addr', 'cgroup_inet6_getsockname'),
  row('cgroup/getsockname_unix', 'cgroup_sock_addr', 'cgroup_unix_getsockname'),
  row('cgroup/sysctl', 'cgroup_sysctl', 'cgroup_sysctl'),
  row('cgroup/getsockopt', 'cgroup_sockopt', 'cgroup_getsockopt'),
  row('cgroup/setsockopt', 'cgroup_sockopt', 'cgroup_setsockopt'),
  row('cgroup/dev', 'cgroup_device', 'cgroup_device'),
  row('struct_ops+', 'struct_ops'),
  row('struct_ops.s+', 'struct_ops', undefined, SLEEPABLE),
  row('sk_lookup', 'sk_lookup', 'sk_lookup'),
  row('netfilter', 'netfilter', 'netfilter'),

  // Older conventions: a known name and anything after it.
  row('socket*', 'socket_filter'),
  row('xdp_devmap*', 'xdp', 'xdp_devmap'),
  row('xdp_cpumap*', 'xdp', 'xdp_cpumap'),
  row('xdp*', 'xdp', 'xdp'),
  row('tc*', 'sched_cls'),
  row('classifier*', 'sched_cls'),
  row('action*', 'sched_act'),
  row('perf_event*', 'perf_event'),
  row('lwt_in*', 'lwt_in'),
  row('lwt_out*', 'lwt_out'),
  row('lwt_xmit*', 'lwt_xmit'),
  row('lwt_seg6local*', 'lwt_seg6local'),
  row('sockops*', 'sock_ops', 'cgroup_sock_ops'),
  row('sk_skb*', 'sk_skb'),
  row('sk_msg*', 'sk_msg', 'sk_msg_verdict'),
  row('sk_lookup*', 'sk_lookup', 'sk_lookup'),
  row('sk_reuseport*', 'sk_reuseport', 'sk_reuseport_select'),
  row('flow_dissector*', 'flow_dissector', 'flow_dissector'),
  row('lirc_mode2*', 'lirc_mode2', 'lirc_mode2'),
  row('cgroup_skb*', 'cgroup_skb'),
  row('cgroup/skb*', 'cgroup_skb'),
  row('cgroup/sock*', 'cgroup_sock', 'cgroup_inet_sock_create'),
  row('cgroup/dev*', 'cgroup_device', 'cgroup_device'),
  row('cgroup/sysctl*', 'cgroup_sysctl', 'cgroup_sysctl'),

  // Names of their own: Linux samples, Suricata, Cilium.
  row('filter', 'socket_filter'),
  row('loadbalancer', 'socket_filter'),
  row('from-container', 'sched_cls'),
  row('to-container', 'sched_cls'),
  row('from-host', 'sched_cls'),
  row('to-host', 'sched_cls'),
  row('from-overlay', 'sched_cls'),
  row('to-overlay', 'sched_cls'),
  row('to-netdev', 'sched_cls'),
]

const EXACT = new Map<string, SectionRow>()
const WITH_EXTRA = new Map<string, SectionRow>()
const PREFIXES: { readonly prefix: string; readonly row: SectionRow }[] = []
for (const entry of SECTION_TABLE) {
  const { pattern } = entry
  const stem = pattern.slice(0, -1)
  if (pattern.endsWith('+')) {
    EXACT.set(stem, entry)
    WITH_EXTRA.set(stem, entry)
  } else if (pattern.endsWith('*')) PREFIXES.push({ prefix: stem, row: entry })
  else EXACT.set(pattern, entry)
}

/** What the section's name means; `undefined` if nothing (the type has to be told by the user). */
export function sectionMeaning(section: string): SectionMeaning | undefined {
  const autoload = !section.startsWith('?')
  const name = autoload ? section : section.slice(1)
  const exact = EXACT.get(name)
  if (exact !== undefined) return meaning(exact, undefined, autoload)
  const slash = name.indexOf('/')
  if (slash > 0) {
    const withExtra = WITH_EXTRA.get(name.slice(0, slash))
    if (withExtra !== undefined) return meaning(withExtra, name.slice(slash + 1), autoload)
  }
  const loose = PREFIXES.find(({ prefix }) => name.startsWith(prefix))
  return loose && meaning(loose.row, undefined, autoload)
}

function meaning(found: SectionRow, attachTo: string | undefined, autoload: boolean): SectionMeaning {
  return {
    type: found.type,
    attachType: found.attachType,
    attachTo,
    sleepable: found.sleepable ?? false,
    frags: found.frags ?? false,
    autoload,
  }
}
