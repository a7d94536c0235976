/**
 * The helper functions of Linux that have a number, all 211 of them: since which kernel, under which licence, with which
 * arguments. Later functions have no number: they are kfuncs.
 *
 * Sources: the manual page bpf-helpers(7) for prototypes, docs.ebpf.io for versions, and the answers of a running kernel
 * for `gpl`. The summaries are this project's own.
 * @see https://man7.org/linux/man-pages/man7/bpf-helpers.7.html
 * @see https://docs.ebpf.io/linux/helper-function/
 * @module
 */
import { linuxSignature, linuxSignatureVariants } from './helper-signatures.ts'
import { parseHelperTable } from './prototype.ts'
import type { HelperSpec } from './types.ts'

/** A line: id, kernel version, `gpl` if restricted | prototype in C | what it does. */
const TABLE = `
1 3.19 | void *map_lookup_elem(void *map, const void *key) | Address of the value that belongs to a key, or NULL.
2 3.19 | long map_update_elem(void *map, const void *key, const void *value, u64 flags) | Stores a value under a key: always (0), only if new (1), only if there (2).
3 3.19 | long map_delete_elem(void *map, const void *key) | Removes a key and its value.
4 4.1 gpl | long probe_read(void *dst, u32 size, const void *unsafe_ptr) | Copies from any address, user or kernel; on a fault fills with zeros.
5 4.1 | u64 ktime_get_ns(void) | Nanoseconds since boot, not counting suspension.
6 4.1 gpl | long trace_printk(const char *fmt, u32 fmt_size, ...) | Prints a formatted line with at most three values to the trace log.
7 4.1 | u32 get_prandom_u32(void) | A pseudo-random 32-bit number.
8 4.1 | u32 get_smp_processor_id(void) | Number of the CPU that runs the program.
9 4.1 | long skb_store_bytes(struct __sk_buff *skb, u32 offset, const void *from, u32 len, u64 flags) | Writes bytes into the packet, optionally keeping checksums right.
10 4.1 | long l3_csum_replace(struct __sk_buff *skb, u32 offset, u64 from, u64 to, u64 size) | Updates the checksum of a network header for a changed 2- or 4-byte field.
11 4.1 | long l4_csum_replace(struct __sk_buff *skb, u32 offset, u64 from, u64 to, u64 flags) | Updates the checksum of a transport header for a changed field or pseudo header.
12 4.2 | long tail_call(void *ctx, void *prog_array_map, u32 index) | Goes on in another program of a prog_array, and never returns from there.
13 4.2 | long clone_redirect(struct __sk_buff *skb, u32 ifindex, u64 flags) | Sends a copy of the packet through another interface.
14 4.2 | u64 get_current_pid_tgid(void) | Process id (upper half) and thread id (lower half) of the current task.
15 4.2 | u64 get_current_uid_gid(void) | Group id (upper half) and user id (lower half) of the current task.
16 4.2 | long get_current_comm(void *buf, u32 size_of_buf) | Copies the name of the current task, terminated and padded.
17 4.3 | u32 get_cgroup_classid(struct __sk_buff *skb) | Class id of the net_cls cgroup of the current task.
18 4.3 | long skb_vlan_push(struct __sk_buff *skb, be16 vlan_proto, u16 vlan_tci) | Inserts a VLAN header.
19 4.3 | long skb_vlan_pop(struct __sk_buff *skb) | Removes the outermost VLAN header.
20 4.3 | long skb_get_tunnel_key(struct __sk_buff *skb, struct bpf_tunnel_key *key, u32 size, u64 flags) | Reads the tunnel metadata of the packet.
21 4.3 | long skb_set_tunnel_key(struct __sk_buff *skb, struct bpf_tunnel_key *key, u32 size, u64 flags) | Sets the tunnel metadata for sending.
22 4.3 gpl | u64 perf_event_read(void *map, u64 flags) | Reads a hardware or software performance counter.
23 4.4 | long redirect(u32 ifindex, u64 flags) | Asks for the packet to be sent through another interface when the program ends.
24 4.4 | u32 get_route_realm(struct __sk_buff *skb) | Realm of the route of the packet.
25 4.4 gpl | long perf_event_output(void *ctx, void *map, u64 flags, void *data, u64 size) | Sends a record to a perf event buffer, with packet bytes appended on request.
26 4.5 | long skb_load_bytes(const void *skb, u32 offset, void *to, u32 len) | Copies bytes out of the packet.
27 4.6 gpl | long get_stackid(void *ctx, void *map, u64 flags) | Id of the current kernel or user call stack, kept in a map.
28 4.6 | s64 csum_diff(be32 *from, u32 from_size, be32 *to, u32 to_size, u32 seed) | Difference of the checksums of two buffers, added to a seed.
29 4.6 | long skb_get_tunnel_opt(struct __sk_buff *skb, void *opt, u32 size) | Reads tunnel options of the packet.
30 4.6 | long skb_set_tunnel_opt(struct __sk_buff *skb, void *opt, u32 size) | Sets tunnel options for sending.
31 4.8 | long skb_change_proto(struct __sk_buff *skb, be16 proto, u64 flags) | Changes the packet between IPv4 and IPv6, making or taking room.
32 4.8 | long skb_change_type(struct __sk_buff *skb, u32 type) | Changes the packet type: host, broadcast, multicast, other host.
33 4.8 | long skb_under_cgroup(struct __sk_buff *skb, void *map, u32 index) | Tells whether the socket of the packet belongs to a cgroup of a map.
34 4.8 | u32 get_hash_recalc(struct __sk_buff *skb) | The flow hash of the packet, computed if there is none.
35 4.8 gpl | u64 get_current_task(void) | Address of the current task structure.
36 4.8 gpl | long probe_write_user(void *dst, const void *src, u32 len) | Writes into user memory of the current task; for debugging.
37 4.9 | long current_task_under_cgroup(void *map, u32 index) | Tells whether the current task belongs to a cgroup of a map.
38 4.9 | long skb_change_tail(struct __sk_buff *skb, u32 len, u64 flags) | Shortens or lengthens the packet at its end.
39 4.9 | long skb_pull_data(struct __sk_buff *skb, u32 len) | Makes the first bytes of the packet directly accessible.
40 4.9 | s64 csum_update(struct __sk_buff *skb, u32 csum) | Adds to the checksum of a packet whose checksum the device computed.
41 4.9 | void set_hash_invalid(struct __sk_buff *skb) | Forgets the flow hash of the packet.
42 4.10 | long get_numa_node_id(void) | Number of the NUMA node of the CPU.
43 4.10 | long skb_change_head(struct __sk_buff *skb, u32 len, u64 flags) | Makes room before the packet, for a link header.
44 4.10 | long xdp_adjust_head(struct xdp_md *xdp_md, int delta) | Moves the start of the packet; a negative amount makes room.
45 4.11 gpl | long probe_read_str(void *dst, u32 size, const void *unsafe_ptr) | Copies a string from any address, and terminates it.
46 4.12 | u64 get_socket_cookie(void *ctx) | A number that identifies the socket for as long as it lives.
47 4.12 | u32 get_socket_uid(struct __sk_buff *skb) | User id of the owner of the socket.
48 4.13 | long set_hash(struct __sk_buff *skb, u32 hash) | Sets the flow hash of the packet.
49 4.13 | long setsockopt(void *bpf_socket, int level, int optname, void *optval, int optlen) | Sets a socket option.
50 4.13 | long skb_adjust_room(struct __sk_buff *skb, s32 len_diff, u32 mode, u64 flags) | Makes or takes room between the headers of the packet.
51 4.14 | long redirect_map(void *map, u64 key, u64 flags) | Asks for the packet to go to a device, CPU or socket of a map.
52 4.14 | long sk_redirect_map(struct __sk_buff *skb, void *map, u32 key, u64 flags) | Asks for the packet to go to a socket of a sockmap.
53 4.14 | long sock_map_update(struct bpf_sock_ops *skops, void *map, void *key, u64 flags) | Puts the socket of the event into a sockmap.
54 4.15 | long xdp_adjust_meta(struct xdp_md *xdp_md, int delta) | Moves the start of the metadata before the packet.
55 4.15 gpl | long perf_event_read_value(void *map, u64 flags, struct bpf_perf_event_value *buf, u32 buf_size) | Reads a performance counter together with its times.
56 4.15 gpl | long perf_prog_read_value(struct bpf_perf_event_data *ctx, struct bpf_perf_event_value *buf, u32 buf_size) | Reads the counter of the event that started the program.
57 4.15 | long getsockopt(void *bpf_socket, int level, int optname, void *optval, int optlen) | Reads a socket option.
58 4.16 gpl | long override_return(struct pt_regs *regs, u64 rc) | Makes the probed function return at once with this value.
59 4.16 | long sock_ops_cb_flags_set(struct bpf_sock_ops *bpf_sock, int argval) | Chooses the events for which the program is called.
60 4.17 | long msg_redirect_map(struct sk_msg_md *msg, void *map, u32 key, u64 flags) | Asks for the message to go to a socket of a sockmap.
61 4.17 | long msg_apply_bytes(struct sk_msg_md *msg, u32 bytes) | Applies the verdict to this many bytes.
62 4.17 | long msg_cork_bytes(struct sk_msg_md *msg, u32 bytes) | Holds the verdict back until this many bytes are there.
63 4.17 | long msg_pull_data(struct sk_msg_md *msg, u32 start, u32 end, u64 flags) | Makes a range of the message directly accessible.
64 4.17 | long bind(struct bpf_sock_addr *ctx, struct sockaddr *addr, int addr_len) | Binds the socket to an address before it connects.
65 4.18 | long xdp_adjust_tail(struct xdp_md *xdp_md, int delta) | Moves the end of the packet.
66 4.18 | long skb_get_xfrm_state(struct __sk_buff *skb, u32 index, struct bpf_xfrm_state *xfrm_state, u32 size, u64 flags) | Reads an IPsec transformation of the packet.
67 4.18 gpl | long get_stack(void *ctx, void *buf, u32 size, u64 flags) | Copies the current kernel or user call stack.
68 4.18 | long skb_load_bytes_relative(const void *skb, u32 offset, void *to, u32 len, u32 start_header) | Copies bytes out of the packet, counted from the link or network header.
69 4.18 gpl | long fib_lookup(void *ctx, struct bpf_fib_lookup *params, int plen, u32 flags) | Looks a destination up in the routing and neighbour tables.
70 4.18 | long sock_hash_update(struct bpf_sock_ops *skops, void *map, void *key, u64 flags) | Puts the socket of the event into a sockhash.
71 4.18 | long msg_redirect_hash(struct sk_msg_md *msg, void *map, void *key, u64 flags) | Asks for the message to go to a socket of a sockhash.
72 4.18 | long sk_redirect_hash(struct __sk_buff *skb, void *map, void *key, u64 flags) | Asks for the packet to go to a socket of a sockhash.
73 4.18 | long lwt_push_encap(struct __sk_buff *skb, u32 type, void *hdr, u32 len) | Puts an encapsulation header before the packet.
74 4.18 | long lwt_seg6_store_bytes(struct __sk_buff *skb, u32 offset, const void *from, u32 len) | Writes into the changeable fields of a segment routing header.
75 4.18 | long lwt_seg6_adjust_srh(struct __sk_buff *skb, u32 offset, s32 delta) | Changes the size of the option space of a segment routing header.
76 4.18 | long lwt_seg6_action(struct __sk_buff *skb, u32 action, void *param, u32 param_len) | Applies a segment routing action.
77 4.18 gpl | long rc_repeat(void *ctx) | Reports the repetition of a remote control key.
78 4.18 gpl | long rc_keydown(void *ctx, u32 protocol, u64 scancode, u32 toggle) | Reports a remote control key with its protocol and code.
79 4.18 | u64 skb_cgroup_id(struct __sk_buff *skb) | Id of the cgroup of the socket of the packet.
80 4.18 | u64 get_current_cgroup_id(void) | Id of the cgroup of the current task.
81 4.19 | void *get_local_storage(void *map, u64 flags) | Address of the storage of the cgroup to which the program is attached.
82 4.19 | long sk_select_reuseport(struct sk_reuseport_md *reuse, void *map, void *key, u64 flags) | Chooses a socket of the reuseport group.
83 4.19 | u64 skb_ancestor_cgroup_id(struct __sk_buff *skb, int ancestor_level) | Id of an ancestor cgroup of the socket of the packet.
84 4.20 | struct bpf_sock *sk_lookup_tcp(void *ctx, struct bpf_sock_tuple *tuple, u32 tuple_size, u64 netns, u64 flags) | Finds a TCP socket; it must be released.
85 4.20 | struct bpf_sock *sk_lookup_udp(void *ctx, struct bpf_sock_tuple *tuple, u32 tuple_size, u64 netns, u64 flags) | Finds a UDP socket; it must be released.
86 4.20 | long sk_release(void *sock) | Gives the reference to a socket back.
87 4.20 | long map_push_elem(void *map, const void *value, u64 flags) | Puts a value into a queue or stack.
88 4.20 | long map_pop_elem(void *map, void *value) | Takes a value from a queue or stack.
89 4.20 | long map_peek_elem(void *map, void *value) | Reads the next value of a queue or stack, and leaves it there.
90 4.20 | long msg_push_data(struct sk_msg_md *msg, u32 start, u32 len, u64 flags) | Inserts bytes into the message.
91 5.0 | long msg_pop_data(struct sk_msg_md *msg, u32 start, u32 len, u64 flags) | Removes bytes from the message.
92 5.0 gpl | long rc_pointer_rel(void *ctx, s32 rel_x, s32 rel_y) | Reports a relative pointer movement.
93 5.1 | long spin_lock(struct bpf_spin_lock *lock) | Takes the lock in a map value.
94 5.1 | long spin_unlock(struct bpf_spin_lock *lock) | Releases the lock in a map value.
95 5.1 | struct bpf_sock *sk_fullsock(struct bpf_sock *sk) | The full socket of a socket, or NULL.
96 5.1 | struct bpf_tcp_sock *tcp_sock(struct bpf_sock *sk) | The TCP part of a socket, or NULL.
97 5.1 | long skb_ecn_set_ce(struct __sk_buff *skb) | Marks the packet as having met congestion.
98 5.1 | struct bpf_sock *get_listener_sock(struct bpf_sock *sk) | The listening socket of a request socket, or NULL.
99 5.2 | struct bpf_sock *skc_lookup_tcp(void *ctx, struct bpf_sock_tuple *tuple, u32 tuple_size, u64 netns, u64 flags) | Finds a TCP socket, also one that is not yet complete; it must be released.
100 5.2 gpl | long tcp_check_syncookie(void *sk, void *iph, u32 iph_len, struct tcphdr *th, u32 th_len) | Tells whether an ACK carries a valid SYN cookie.
101 5.2 | long sysctl_get_name(struct bpf_sysctl *ctx, char *buf, u64 buf_len, u64 flags) | Name of the sysctl that is accessed.
102 5.2 | long sysctl_get_current_value(struct bpf_sysctl *ctx, char *buf, u64 buf_len) | Value of the sysctl as it is.
103 5.2 | long sysctl_get_new_value(struct bpf_sysctl *ctx, char *buf, u64 buf_len) | Value that is being written to the sysctl.
104 5.2 | long sysctl_set_new_value(struct bpf_sysctl *ctx, const char *buf, u64 buf_len) | Replaces the value that is being written to the sysctl.
105 5.2 | long strtol(const char *buf, u64 buf_len, u64 flags, long *res) | Parses a signed number; the result is how many characters it took.
106 5.2 | long strtoul(const char *buf, u64 buf_len, u64 flags, u64 *res) | Parses an unsigned number; the result is how many characters it took.
107 5.2 | void *sk_storage_get(void *map, void *sk, void *value, u64 flags) | Address of the storage that belongs to a socket, made on request.
108 5.2 | long sk_storage_delete(void *map, void *sk) | Removes the storage that belongs to a socket.
109 5.3 | long send_signal(u32 sig) | Sends a signal to the process of the current task.
110 5.4 gpl | s64 tcp_gen_syncookie(void *sk, void *iph, u32 iph_len, struct tcphdr *th, u32 th_len) | Makes a SYN cookie for a SYN packet.
111 5.5 gpl | long skb_output(void *ctx, void *map, u64 flags, void *data, u64 size) | Sends a record with packet bytes to a perf event buffer, from tracing programs.
112 5.5 gpl | long probe_read_user(void *dst, u32 size, const void *unsafe_ptr) | Copies from user memory; on a fault fills with zeros.
113 5.5 gpl | long probe_read_kernel(void *dst, u32 size, const void *unsafe_ptr) | Copies from kernel memory; on a fault fills with zeros.
114 5.5 gpl | long probe_read_user_str(void *dst, u32 size, const void *unsafe_ptr) | Copies a string from user memory, and terminates it.
115 5.5 gpl | long probe_read_kernel_str(void *dst, u32 size, const void *unsafe_ptr) | Copies a string from kernel memory, and terminates it.
116 5.6 | long tcp_send_ack(void *tp, u32 rcv_nxt) | Sends an ACK, from a congestion control program.
117 5.6 | long send_signal_thread(u32 sig) | Sends a signal to the current thread.
118 5.6 | u64 jiffies64(void) | The 64-bit tick counter.
119 5.7 gpl | long read_branch_records(struct bpf_perf_event_data *ctx, void *buf, u32 size, u64 flags) | Copies the branch records of the event.
120 5.7 | long get_ns_current_pid_tgid(u64 dev, u64 ino, struct bpf_pidns_info *nsdata, u32 size) | Process and thread id as seen in a pid namespace.
121 5.7 gpl | long xdp_output(void *ctx, void *map, u64 flags, void *data, u64 size) | Sends a record with packet bytes to a perf event buffer, from tracing of XDP.
122 5.7 | u64 get_netns_cookie(void *ctx) | A number that identifies the network namespace.
123 5.7 | u64 get_current_ancestor_cgroup_id(int ancestor_level) | Id of an ancestor cgroup of the current task.
124 5.7 | long sk_assign(void *ctx, void *sk, u64 flags) | Gives the packet to a socket.
125 5.8 | u64 ktime_get_boot_ns(void) | Nanoseconds since boot, counting suspension.
126 5.8 gpl | long seq_printf(struct seq_file *m, const char *fmt, u32 fmt_size, const void *data, u32 data_len) | Prints a formatted text into the sequence file of an iterator.
127 5.8 gpl | long seq_write(struct seq_file *m, const void *data, u32 len) | Writes bytes into the sequence file of an iterator.
128 5.8 | u64 sk_cgroup_id(void *sk) | Id of the cgroup of a socket.
129 5.8 | u64 sk_ancestor_cgroup_id(void *sk, int ancestor_level) | Id of an ancestor cgroup of a socket.
130 5.8 | long ringbuf_output(void *ringbuf, void *data, u64 size, u64 flags) | Copies a record into a ring buffer.
131 5.8 | void *ringbuf_reserve(void *ringbuf, u64 size, u64 flags) | Reserves room for a record in a ring buffer; NULL if there is none.
132 5.8 | void ringbuf_submit(void *data, u64 flags) | Publishes a reserved record.
133 5.8 | void ringbuf_discard(void *data, u64 flags) | Drops a reserved record.
134 5.8 | u64 ringbuf_query(void *ringbuf, u64 flags) | A figure of a ring buffer: unread bytes, size, consumer or producer position.
135 5.8 | long csum_level(struct __sk_buff *skb, u64 level) | Reads or changes how far the packet's checksums are known to be right.
136 5.9 | struct tcp6_sock *skc_to_tcp6_sock(void *sk) | The socket as an IPv6 TCP socket, or NULL.
137 5.9 | struct tcp_sock *skc_to_tcp_sock(void *sk) | The socket as a TCP socket, or NULL.
138 5.9 | struct tcp_timewait_sock *skc_to_tcp_timewait_sock(void *sk) | The socket as a TCP time-wait socket, or NULL.
139 5.9 | struct tcp_request_sock *skc_to_tcp_request_sock(void *sk) | The socket as a TCP request socket, or NULL.
140 5.9 | struct udp6_sock *skc_to_udp6_sock(void *sk) | The socket as an IPv6 UDP socket, or NULL.
141 5.9 | long get_task_stack(struct task_struct *task, void *buf, u32 size, u64 flags) | Copies the call stack of a task.
142 5.10 | long load_hdr_opt(struct bpf_sock_ops *skops, void *searchby_res, u32 len, u64 flags) | Reads a TCP header option.
143 5.10 | long store_hdr_opt(struct bpf_sock_ops *skops, const void *from, u32 len, u64 flags) | Writes a TCP header option.
144 5.10 | long reserve_hdr_opt(struct bpf_sock_ops *skops, u32 len, u64 flags) | Reserves room for TCP header options.
145 5.10 | void *inode_storage_get(void *map, void *inode, void *value, u64 flags) | Address of the storage that belongs to an inode, made on request.
146 5.10 | int inode_storage_delete(void *map, void *inode) | Removes the storage that belongs to an inode.
147 5.10 | long d_path(struct path *path, char *buf, u32 sz) | Full name of a path.
148 5.10 | long copy_from_user(void *dst, u32 size, const void *user_ptr) | Copies from user memory; may sleep.
149 5.10 | long snprintf_btf(char *str, u32 str_size, struct btf_ptr *ptr, u32 btf_ptr_size, u64 flags) | Prints a kernel structure by its BTF.
150 5.10 gpl | long seq_printf_btf(struct seq_file *m, struct btf_ptr *ptr, u32 ptr_size, u64 flags) | Prints a kernel structure by its BTF into the sequence file of an iterator.
151 5.10 | u64 skb_cgroup_classid(struct __sk_buff *skb) | Class id of the net_cls cgroup of the socket of the packet.
152 5.10 | long redirect_neigh(u32 ifindex, struct bpf_redir_neigh *params, int plen, u64 flags) | Asks for the packet to be sent through another interface, with the link header filled in from the neighbour table.
153 5.10 | void *per_cpu_ptr(const void *percpu_ptr, u32 cpu) | Address of a per-CPU kernel variable on some CPU, or NULL.
154 5.10 | void *this_cpu_ptr(const void *percpu_ptr) | Address of a per-CPU kernel variable on this CPU.
155 5.10 | long redirect_peer(u32 ifindex, u64 flags) | Asks for the packet to be received by the peer of a veth or netkit device.
156 5.11 | void *task_storage_get(void *map, struct task_struct *task, void *value, u64 flags) | Address of the storage that belongs to a task, made on request.
157 5.11 | long task_storage_delete(void *map, struct task_struct *task) | Removes the storage that belongs to a task.
158 5.11 gpl | struct task_struct *get_current_task_btf(void) | The current task as a typed pointer.
159 5.11 | long bprm_opts_set(struct linux_binprm *bprm, u64 flags) | Sets flags of the program that is being executed.
160 5.11 | u64 ktime_get_coarse_ns(void) | Nanoseconds since boot, as of the last tick.
161 5.11 | long ima_inode_hash(struct inode *inode, void *dst, u32 size) | Hash of a file as the integrity subsystem measured it.
162 5.11 | struct socket *sock_from_file(struct file *file) | The socket of a file, or NULL.
163 5.12 gpl | long check_mtu(void *ctx, u32 ifindex, u32 *mtu_len, s32 len_diff, u64 flags) | Compares the size of the packet with the MTU of an interface.
164 5.13 | long for_each_map_elem(void *map, void *callback_fn, void *callback_ctx, u64 flags) | Calls a function for every element of a map.
165 5.13 gpl | long snprintf(char *str, u32 str_size, const char *fmt, u64 *data, u32 data_len) | Prints a formatted text into a buffer.
166 5.14 | long sys_bpf(u32 cmd, void *attr, u32 attr_size) | Performs a bpf() command, from a syscall program.
167 5.14 | long btf_find_by_name_kind(char *name, int name_sz, u32 kind, int flags) | Finds a BTF type by name and kind.
168 5.14 | long sys_close(u32 fd) | Closes a file descriptor, from a syscall program.
169 5.15 gpl | long timer_init(struct bpf_timer *timer, void *map, u64 flags) | Initialises a timer in a map value.
170 5.15 gpl | long timer_set_callback(struct bpf_timer *timer, void *callback_fn) | Sets the function that a timer calls.
171 5.15 gpl | long timer_start(struct bpf_timer *timer, u64 nsecs, u64 flags) | Starts a timer.
172 5.15 gpl | long timer_cancel(struct bpf_timer *timer) | Stops a timer and waits for its function to end.
173 5.15 gpl | u64 get_func_ip(void *ctx) | Address of the traced function.
174 5.15 | u64 get_attach_cookie(void *ctx) | The cookie given when the program was attached.
175 5.15 gpl | long task_pt_regs(struct task_struct *task) | Address of the saved registers of a task.
176 5.16 gpl | long get_branch_snapshot(void *entries, u32 size, u64 flags) | Copies the last branches taken, from the hardware.
177 5.16 gpl | long trace_vprintk(const char *fmt, u32 fmt_size, const void *data, u32 data_len) | Prints a formatted line with any number of values to the trace log.
178 5.16 | struct unix_sock *skc_to_unix_sock(void *sk) | The socket as a Unix socket, or NULL.
179 5.16 | long kallsyms_lookup_name(const char *name, int name_sz, int flags, u64 *res) | Address of a kernel symbol.
180 5.17 | long find_vma(struct task_struct *task, u64 addr, void *callback_fn, void *callback_ctx, u64 flags) | Calls a function with the memory area of a task that contains an address.
181 5.17 | long loop(u32 nr_loops, void *callback_fn, void *callback_ctx, u64 flags) | Calls a function a number of times.
182 5.17 | long strncmp(const char *s1, u32 s1_sz, const char *s2) | Compares a string with a constant one.
183 5.17 | long get_func_arg(void *ctx, u32 n, u64 *value) | Reads an argument of the traced function.
184 5.17 | long get_func_ret(void *ctx, u64 *value) | Reads the result of the traced function.
185 5.17 | long get_func_arg_cnt(void *ctx) | How many arguments the traced function has.
186 5.18 | int get_retval(void) | The result that the hooked system call will have.
187 5.18 | int set_retval(int retval) | Sets the result that the hooked system call will have.
188 5.18 | u64 xdp_get_buff_len(struct xdp_md *xdp_md) | Length of the packet, fragments included.
189 5.18 | long xdp_load_bytes(struct xdp_md *xdp_md, u32 offset, void *buf, u32 len) | Copies bytes out of the packet, fragments included.
190 5.18 | long xdp_store_bytes(struct xdp_md *xdp_md, u32 offset, void *buf, u32 len) | Writes bytes into the packet, fragments included.
191 5.18 gpl | long copy_from_user_task(void *dst, u32 size, const void *user_ptr, struct task_struct *tsk, u64 flags) | Copies from the user memory of a task; may sleep.
192 5.18 | long skb_set_tstamp(struct __sk_buff *skb, u64 tstamp, u32 tstamp_type) | Sets the time stamp of the packet and its kind.
193 5.18 | long ima_file_hash(struct file *file, void *dst, u32 size) | Hash of a file, computed if need be.
194 5.19 | void *kptr_xchg(void *map_value, void *ptr) | Exchanges a pointer kept in a map value.
195 5.19 | void *map_lookup_percpu_elem(void *map, const void *key, u32 cpu) | Address of the value of a key on some CPU, or NULL.
196 5.19 | struct mptcp_sock *skc_to_mptcp_sock(void *sk) | The socket as a multipath TCP socket, or NULL.
197 5.19 | long dynptr_from_mem(void *data, u32 size, u64 flags, struct bpf_dynptr *ptr) | Makes a dynamic pointer to memory of a map value.
198 5.19 | long ringbuf_reserve_dynptr(void *ringbuf, u32 size, u64 flags, struct bpf_dynptr *ptr) | Reserves room in a ring buffer through a dynamic pointer.
199 5.19 | void ringbuf_submit_dynptr(struct bpf_dynptr *ptr, u64 flags) | Publishes a record reserved through a dynamic pointer.
200 5.19 | void ringbuf_discard_dynptr(struct bpf_dynptr *ptr, u64 flags) | Drops a record reserved through a dynamic pointer.
201 5.19 | long dynptr_read(void *dst, u32 len, const struct bpf_dynptr *src, u32 offset, u64 flags) | Copies out of the memory behind a dynamic pointer.
202 5.19 | long dynptr_write(const struct bpf_dynptr *dst, u32 offset, void *src, u32 len, u64 flags) | Copies into the memory behind a dynamic pointer.
203 5.19 | void *dynptr_data(const struct bpf_dynptr *ptr, u32 offset, u32 len) | Address of a part of the memory behind a dynamic pointer, or NULL.
204 6.0 gpl | s64 tcp_raw_gen_syncookie_ipv4(struct iphdr *iph, struct tcphdr *th, u32 th_len) | Makes a SYN cookie for an IPv4 SYN packet, without a socket.
205 6.0 gpl | s64 tcp_raw_gen_syncookie_ipv6(struct ipv6hdr *iph, struct tcphdr *th, u32 th_len) | Makes a SYN cookie for an IPv6 SYN packet, without a socket.
206 6.0 gpl | long tcp_raw_check_syncookie_ipv4(struct iphdr *iph, struct tcphdr *th) | Checks a SYN cookie of an IPv4 ACK, without a socket.
207 6.0 gpl | long tcp_raw_check_syncookie_ipv6(struct ipv6hdr *iph, struct tcphdr *th) | Checks a SYN cookie of an IPv6 ACK, without a socket.
208 6.1 | u64 ktime_get_tai_ns(void) | Nanoseconds of international atomic time.
209 6.1 | long user_ringbuf_drain(void *map, void *callback_fn, void *ctx, u64 flags) | Calls a function for every record of a user ring buffer.
210 6.2 | void *cgrp_storage_get(void *map, struct cgroup *cgroup, void *value, u64 flags) | Address of the storage that belongs to a cgroup, made on request.
211 6.2 | long cgrp_storage_delete(void *map, struct cgroup *cgroup) | Removes the storage that belongs to a cgroup.
`

/** By id, of every version. Signatures are read from their table when the first one is asked for. */
export const LINUX_HELPERS: ReadonlyMap<number, HelperSpec> = parseHelperTable(TABLE)
for (const helper of LINUX_HELPERS.values()) {
  Object.defineProperties(helper, {
    signature: { get: () => linuxSignature(helper.id), enumerable: true },
    signatureByProgramType: { get: () => linuxSignatureVariants(helper.id), enumerable: true },
  })
}

const IDS_BY_NAME: ReadonlyMap<string, number> = new Map([...LINUX_HELPERS.values()].map(({ id, name }) => [name, id]))

/** By name, without `bpf_`. */
export function findLinuxHelper(name: string): HelperSpec | undefined {
  const id = IDS_BY_NAME.get(name)
  return id === undefined ? undefined : LINUX_HELPERS.get(id)
}
