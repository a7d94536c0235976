/**
 * Ways of attaching of Linux: numbers, and bpftool's names.
 * @see https://docs.ebpf.io/linux/syscall/BPF_PROG_LOAD/#expected_attach_type
 * @module
 */

/** By number: `LINUX_ATTACH_TYPES[37]` is `xdp`. */
export const LINUX_ATTACH_TYPES: readonly string[] = `
  cgroup_inet_ingress cgroup_inet_egress cgroup_inet_sock_create cgroup_sock_ops
  sk_skb_stream_parser sk_skb_stream_verdict cgroup_device sk_msg_verdict
  cgroup_inet4_bind cgroup_inet6_bind cgroup_inet4_connect cgroup_inet6_connect
  cgroup_inet4_post_bind cgroup_inet6_post_bind cgroup_udp4_sendmsg cgroup_udp6_sendmsg
  lirc_mode2 flow_dissector cgroup_sysctl cgroup_udp4_recvmsg cgroup_udp6_recvmsg
  cgroup_getsockopt cgroup_setsockopt trace_raw_tp trace_fentry trace_fexit modify_return lsm_mac trace_iter
  cgroup_inet4_getpeername cgroup_inet6_getpeername cgroup_inet4_getsockname cgroup_inet6_getsockname
  xdp_devmap cgroup_inet_sock_release xdp_cpumap sk_lookup xdp sk_skb_verdict
  sk_reuseport_select sk_reuseport_select_or_migrate perf_event trace_kprobe_multi lsm_cgroup struct_ops netfilter
  tcx_ingress tcx_egress trace_uprobe_multi
  cgroup_unix_connect cgroup_unix_sendmsg cgroup_unix_recvmsg cgroup_unix_getpeername cgroup_unix_getsockname
  netkit_primary netkit_peer trace_kprobe_session trace_uprobe_session trace_fsession
`
  .trim()
  .split(/\s+/)

/** Attach type 0 is also what a program has that says nothing: these take it for another one. */
const DEFAULTS: ReadonlyMap<string, string> = new Map([
  ['cgroup_sock', 'cgroup_inet_sock_create'],
  ['sk_reuseport', 'sk_reuseport_select'],
])

/** Types for which attach type 0 is one of their own. */
const ATTACHES_AT_ZERO: ReadonlySet<string> = new Set(['cgroup_skb'])

/**
 * The name of an attach type of a program, as the kernel understands the number: `undefined` for a number without a name,
 * and for 0 where the program type has no use for it.
 */
export function linuxAttachType(programType: string, attachType: number): string | undefined {
  if (attachType !== 0 || ATTACHES_AT_ZERO.has(programType)) return LINUX_ATTACH_TYPES[attachType]
  return DEFAULTS.get(programType)
}
