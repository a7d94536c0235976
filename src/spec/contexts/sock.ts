/**
 * `struct bpf_sock`: the context of programs that allow sockets of a cgroup, and what any program reads through a pointer to
 * a socket. `struct bpf_tcp_sock` and `struct bpf_xdp_sock`, which helpers give.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_CGROUP_SOCK/
 * @see https://docs.ebpf.io/linux/helper-function/bpf_tcp_sock/
 * @module
 */
import type { ContextLayout } from '../types.ts'

export const BPF_SOCK: ContextLayout = {
  name: 'bpf_sock',
  size: 80,
  fields: [
    { name: 'bound_dev_if', offset: 0, size: 4, writable: true },
    { name: 'family', offset: 4, size: 4 },
    { name: 'type', offset: 8, size: 4 },
    { name: 'protocol', offset: 12, size: 4 },
    { name: 'mark', offset: 16, size: 4, writable: true },
    { name: 'priority', offset: 20, size: 4, writable: true },
    { name: 'src_ip4', offset: 24, size: 4 },
    { name: 'src_ip6', offset: 28, size: 4, count: 4 },
    { name: 'src_port', offset: 44, size: 4 },
    { name: 'dst_port', offset: 48, size: 2 },
    { name: 'dst_ip4', offset: 52, size: 4 },
    { name: 'dst_ip6', offset: 56, size: 4, count: 4 },
    { name: 'state', offset: 72, size: 4 },
    { name: 'rx_queue_mapping', offset: 76, size: 4 },
  ],
}

/**
 * The views `socket` and `sock_common` are those of a pointer to a full socket, and to one that may be a request or a
 * timewait socket.
 */
export const BPF_SOCK_ACCESS = `
field             load    store  gives  sock_create  post_bind4  post_bind6  socket  sock_common
bound_dev_if      whole   whole  -      rw           -           -           r       r
family            head    -      -      r            r           r           r       r
type              head    -      -      r            r           r           r       -
protocol          head    -      -      r            r           r           r       -
mark              whole   whole  -      rw           -           -           r       -
priority          whole   whole  -      rw           -           -           r       -
src_ip4           parts   -      -      -            r           -           r       r
src_ip6           parts   -      -      -            -           r           r       r
src_port          head    -      -      -            r           r           r       r
dst_port          padded  -      -      r            r           r           r       r
dst_ip4           parts   -      -      r            r           r           r       r
dst_ip6           parts   -      -      r            r           r           r       r
state             head    -      -      r            r           r           r       r
rx_queue_mapping  head    -      -      r            r           r           r       r
`

export const BPF_TCP_SOCK: ContextLayout = {
  name: 'bpf_tcp_sock',
  size: 112,
  fields: [
    { name: 'snd_cwnd', offset: 0, size: 4 },
    { name: 'srtt_us', offset: 4, size: 4 },
    { name: 'rtt_min', offset: 8, size: 4 },
    { name: 'snd_ssthresh', offset: 12, size: 4 },
    { name: 'rcv_nxt', offset: 16, size: 4 },
    { name: 'snd_nxt', offset: 20, size: 4 },
    { name: 'snd_una', offset: 24, size: 4 },
    { name: 'mss_cache', offset: 28, size: 4 },
    { name: 'ecn_flags', offset: 32, size: 4 },
    { name: 'rate_delivered', offset: 36, size: 4 },
    { name: 'rate_interval_us', offset: 40, size: 4 },
    { name: 'packets_out', offset: 44, size: 4 },
    { name: 'retrans_out', offset: 48, size: 4 },
    { name: 'total_retrans', offset: 52, size: 4 },
    { name: 'segs_in', offset: 56, size: 4 },
    { name: 'data_segs_in', offset: 60, size: 4 },
    { name: 'segs_out', offset: 64, size: 4 },
    { name: 'data_segs_out', offset: 68, size: 4 },
    { name: 'lost_out', offset: 72, size: 4 },
    { name: 'sacked_out', offset: 76, size: 4 },
    { name: 'bytes_received', offset: 80, size: 8 },
    { name: 'bytes_acked', offset: 88, size: 8 },
    { name: 'dsack_dups', offset: 96, size: 4 },
    { name: 'delivered', offset: 100, size: 4 },
    { name: 'delivered_ce', offset: 104, size: 4 },
    { name: 'icsk_retransmits', offset: 108, size: 4 },
  ],
}

export const BPF_XDP_SOCK: ContextLayout = {
  name: 'bpf_xdp_sock',
  size: 4,
  fields: [{ name: 'queue_id', offset: 0, size: 4 }],
}
