/**
 * Which program types of Linux may call which helpers: named groups, and for each program type the groups and helpers
 * that it has, some of them only where it attaches in a certain way.
 *
 * Written from the lists at docs.ebpf.io and held against the answers of a 6.18 kernel. Older kernels allowed less: a
 * helper that came later to a program type than to Linux is allowed here since it came to Linux.
 * @see https://docs.ebpf.io/linux/helper-function/
 * @see https://docs.ebpf.io/linux/program-type/
 * @module
 */
import { AnybpfError } from '../../util/index.ts'
import type { HelperSpec } from '../types.ts'

/** `group: helpers`; `@name` stands for all of another group. */
const GROUPS = `
maps: map_lookup_elem map_update_elem map_delete_elem map_push_elem map_pop_elem map_peek_elem map_lookup_percpu_elem
maps: for_each_map_elem tail_call kptr_xchg
numbers: get_prandom_u32 get_smp_processor_id get_numa_node_id strtol strtoul strncmp loop
time: ktime_get_ns ktime_get_boot_ns ktime_get_tai_ns jiffies64
time: timer_init timer_set_callback timer_start timer_cancel
locks: spin_lock spin_unlock
output: ringbuf_output ringbuf_reserve ringbuf_submit ringbuf_discard ringbuf_query user_ringbuf_drain
output: ringbuf_reserve_dynptr ringbuf_submit_dynptr ringbuf_discard_dynptr
output: trace_printk trace_vprintk snprintf snprintf_btf
dynptrs: dynptr_from_mem dynptr_read dynptr_write dynptr_data
task: get_current_pid_tgid get_ns_current_pid_tgid get_current_uid_gid get_current_comm get_current_task
task: get_current_task_btf get_current_cgroup_id get_current_ancestor_cgroup_id get_cgroup_classid
task: current_task_under_cgroup task_pt_regs get_task_stack find_vma send_signal send_signal_thread
storage: task_storage_get task_storage_delete cgrp_storage_get cgrp_storage_delete
kernel: probe_read_user probe_read_user_str probe_read_kernel probe_read_kernel_str copy_from_user copy_from_user_task
kernel: per_cpu_ptr this_cpu_ptr perf_event_read perf_event_read_value get_branch_snapshot

base: @maps @numbers @time @locks @output @dynptrs @task @storage @kernel

socket_casts: skc_to_tcp6_sock skc_to_tcp_sock skc_to_tcp_timewait_sock skc_to_tcp_request_sock skc_to_udp6_sock
socket_casts: skc_to_unix_sock skc_to_mptcp_sock
network: @base @socket_casts ktime_get_coarse_ns

socket_lookup: sk_lookup_tcp sk_lookup_udp skc_lookup_tcp sk_release
socket_storage: sk_storage_get sk_storage_delete
syncookies: tcp_check_syncookie tcp_gen_syncookie tcp_raw_gen_syncookie_ipv4 tcp_raw_gen_syncookie_ipv6
syncookies: tcp_raw_check_syncookie_ipv4 tcp_raw_check_syncookie_ipv6
options: setsockopt getsockopt

socket_filter: @network skb_load_bytes skb_load_bytes_relative get_socket_cookie get_socket_uid get_netns_cookie
socket_filter: perf_event_output

packet_change: skb_store_bytes skb_change_tail skb_change_head skb_pull_data
packet_checksums: csum_diff csum_update csum_level l3_csum_replace l4_csum_replace
packet_tunnel: skb_get_tunnel_key skb_set_tunnel_key skb_get_tunnel_opt skb_set_tunnel_opt
packet_route: get_route_realm get_hash_recalc skb_under_cgroup

traffic_control: @socket_filter @packet_change @packet_checksums @packet_tunnel @packet_route @socket_lookup
traffic_control: @socket_storage @syncookies skb_vlan_push skb_vlan_pop skb_change_proto skb_change_type skb_adjust_room
traffic_control: set_hash_invalid set_hash redirect redirect_neigh redirect_peer clone_redirect skb_get_xfrm_state
traffic_control: fib_lookup check_mtu skb_cgroup_id skb_ancestor_cgroup_id skb_cgroup_classid sk_fullsock tcp_sock
traffic_control: skb_ecn_set_ce get_listener_sock sk_assign skb_set_tstamp

lightweight_tunnel: @network @packet_route skb_load_bytes skb_pull_data csum_diff perf_event_output

cgroup: @base get_local_storage perf_event_output

stacks: get_stackid get_stack
tracing: @base probe_read probe_read_str probe_write_user get_func_ip
probe: @tracing @stacks perf_event_output get_attach_cookie

typed_tracing: @tracing @stacks @socket_casts perf_event_output skb_output xdp_output sk_storage_get sk_storage_delete
typed_tracing: sock_from_file get_socket_cookie xdp_get_buff_len d_path
trampoline: get_func_arg get_func_ret get_func_arg_cnt
`

/** `program type [at attach types]: helpers`; rows add up. */
const PROGRAM_TYPES = `
socket_filter: @socket_filter
sched_cls: @traffic_control
sched_act: @traffic_control
xdp: @network @socket_lookup @syncookies xdp_adjust_head xdp_adjust_meta xdp_adjust_tail xdp_get_buff_len xdp_load_bytes
xdp: xdp_store_bytes redirect redirect_map fib_lookup check_mtu csum_diff perf_event_output

cgroup_skb: @socket_filter @socket_lookup @socket_storage get_local_storage sk_fullsock tcp_sock skb_ecn_set_ce
cgroup_skb: get_listener_sock skb_cgroup_id skb_ancestor_cgroup_id sk_cgroup_id sk_ancestor_cgroup_id
cgroup_sock: @cgroup get_retval set_retval get_socket_cookie get_netns_cookie sk_storage_get ktime_get_coarse_ns
cgroup_device: @cgroup get_retval set_retval
cgroup_sysctl: @cgroup get_retval set_retval ktime_get_coarse_ns sysctl_get_name sysctl_get_current_value
cgroup_sysctl: sysctl_get_new_value sysctl_set_new_value
cgroup_sockopt: @cgroup get_retval set_retval @socket_storage tcp_sock get_netns_cookie
cgroup_sockopt at cgroup_setsockopt: @options
cgroup_sock_addr: @cgroup @network @socket_lookup @socket_storage @options get_socket_cookie get_netns_cookie
cgroup_sock_addr at cgroup_inet4_bind cgroup_inet6_bind: get_retval set_retval
cgroup_sock_addr at cgroup_inet4_connect cgroup_inet6_connect: get_retval set_retval bind
cgroup_sock_addr at cgroup_unix_connect: get_retval set_retval
cgroup_sock_addr at cgroup_udp4_sendmsg cgroup_udp6_sendmsg cgroup_unix_sendmsg: get_retval set_retval

sock_ops: @network @socket_storage @options get_local_storage get_socket_cookie get_netns_cookie tcp_sock
sock_ops: perf_event_output sock_map_update sock_hash_update sock_ops_cb_flags_set load_hdr_opt store_hdr_opt
sock_ops: reserve_hdr_opt
sk_skb: @network @packet_change @socket_lookup skb_load_bytes skb_adjust_room sk_redirect_map sk_redirect_hash
sk_skb: get_socket_cookie get_socket_uid perf_event_output
sk_msg: @network @socket_storage msg_redirect_map msg_redirect_hash msg_apply_bytes msg_cork_bytes msg_pull_data
sk_msg: msg_push_data msg_pop_data get_netns_cookie perf_event_output
sk_reuseport: @base sk_select_reuseport skb_load_bytes skb_load_bytes_relative get_socket_cookie ktime_get_coarse_ns
sk_lookup: @network sk_assign sk_release perf_event_output
flow_dissector: @network skb_load_bytes
netfilter: @base

lwt_in: @lightweight_tunnel lwt_push_encap
lwt_out: @lightweight_tunnel
lwt_xmit: @lightweight_tunnel @packet_change @packet_checksums @packet_tunnel lwt_push_encap clone_redirect redirect
lwt_xmit: set_hash_invalid
lwt_seg6local: @lightweight_tunnel lwt_seg6_store_bytes lwt_seg6_adjust_srh lwt_seg6_action

kprobe: @probe override_return
tracepoint: @probe
raw_tracepoint: @probe
raw_tracepoint_writable: @probe
perf_event: @probe perf_prog_read_value read_branch_records
tracing: @typed_tracing
tracing at trace_raw_tp: get_attach_cookie
tracing at trace_fentry trace_fexit trace_fsession modify_return: @trampoline get_attach_cookie
tracing at trace_iter: seq_printf seq_write seq_printf_btf @options
lsm: @typed_tracing inode_storage_get inode_storage_delete bprm_opts_set ima_inode_hash ima_file_hash
lsm at lsm_mac: @trampoline get_attach_cookie
lsm at lsm_cgroup: @options get_local_storage get_retval set_retval
struct_ops: @base @socket_storage @options tcp_send_ack ktime_get_coarse_ns
syscall: @typed_tracing sys_bpf sys_close btf_find_by_name_kind kallsyms_lookup_name

lirc_mode2: rc_repeat rc_keydown rc_pointer_rel map_lookup_elem map_update_elem map_delete_elem map_push_elem
lirc_mode2: map_pop_elem map_peek_elem ktime_get_ns ktime_get_boot_ns tail_call get_prandom_u32 trace_printk
`

interface Permissions {
  /** However it attaches. */
  readonly always: ReadonlySet<string>
  readonly byAttachType: ReadonlyMap<string, ReadonlySet<string>>
}

interface Row {
  readonly attachTypes: readonly string[]
  /** Names of helpers, and of groups with `@` before them. */
  readonly words: readonly string[]
}

const ROW = /^(?<name>\w+)(?: at (?<attachTypes>[\w ]+))?: (?<words>[\w@ ]+)$/

type Table = ReadonlyMap<string, readonly Row[]>

let tables: { readonly groups: Table; readonly programTypes: Table } | undefined
const known = new Map<string, Permissions>()

/** Read when the first program of the type is verified. */
function permissions(programType: string): Permissions | undefined {
  const before = known.get(programType)
  if (before !== undefined) return before
  tables ??= { groups: parseTable(GROUPS), programTypes: parseTable(PROGRAM_TYPES) }
  const rows = tables.programTypes.get(programType)
  if (rows === undefined) return undefined
  const always = new Set<string>()
  const byAttachType = new Map<string, Set<string>>()
  for (const { attachTypes, words } of rows) {
    if (attachTypes.length === 0) collect(words, tables.groups, always)
    for (const attachType of attachTypes) {
      const helpers = byAttachType.get(attachType) ?? new Set()
      collect(words, tables.groups, helpers)
      byAttachType.set(attachType, helpers)
    }
  }
  const found = { always, byAttachType }
  known.set(programType, found)
  return found
}

function collect(words: readonly string[], groups: Table, into: Set<string>): void {
  for (const word of words) {
    if (!word.startsWith('@')) into.add(word)
    else for (const row of groups.get(word.slice(1)) ?? notARow(word)) collect(row.words, groups, into)
  }
}

function parseTable(text: string): Table {
  const table = new Map<string, Row[]>()
  for (const line of text.split('\n')) {
    if (line === '') continue
    const row = ROW.exec(line)?.groups ?? notARow(line)
    const rows = table.get(row['name']!) ?? []
    rows.push({ attachTypes: row['attachTypes']?.split(' ') ?? [], words: row['words']!.split(' ') })
    table.set(row['name']!, rows)
  }
  return table
}

function notARow(text: string): never {
  throw new AnybpfError('ERR_FORMAT', `not a row of permissions, or no such group: ${text}`)
}

/**
 * Whether programs of this type may call a helper; `attachType` is bpftool's name. A program that replaces a function of
 * another (`ext`) may call what that program may: without it, everything. A type that Linux does not have may too.
 */
export function allowsHelper(
  programType: string,
): (helper: Pick<HelperSpec, 'name' | 'unavailable'>, attachType: string | undefined) => boolean {
  return ({ name, unavailable }, attachType) => {
    if (unavailable !== undefined) return false
    const allowed = permissions(programType)
    if (allowed === undefined) return true
    return allowed.always.has(name) || (attachType !== undefined && hasAt(allowed, attachType, name))
  }
}

function hasAt(allowed: Permissions, attachType: string, name: string): boolean {
  return allowed.byAttachType.get(attachType)?.has(name) === true
}
