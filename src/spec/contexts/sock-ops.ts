/**
 * `struct bpf_sock_ops`, the context of programs that follow TCP connections.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_SOCK_OPS/
 * @module
 */
import type { ContextLayout } from '../types.ts'

export const BPF_SOCK_OPS: ContextLayout = {
  name: 'bpf_sock_ops',
  size: 224,
  fields: [
    { name: 'op', offset: 0, size: 4 },
    { name: 'reply', offset: 4, size: 4, writable: true, aliases: ['args', 'replylong'] },
    { name: 'args', offset: 8, size: 4, count: 3 },
    { name: 'family', offset: 20, size: 4 },
    { name: 'remote_ip4', offset: 24, size: 4 },
    { name: 'local_ip4', offset: 28, size: 4 },
    { name: 'remote_ip6', offset: 32, size: 4, count: 4 },
    { name: 'local_ip6', offset: 48, size: 4, count: 4 },
    { name: 'remote_port', offset: 64, size: 4 },
    { name: 'local_port', offset: 68, size: 4 },
    { name: 'is_fullsock', offset: 72, size: 4 },
    { name: 'snd_cwnd', offset: 76, size: 4 },
    { name: 'srtt_us', offset: 80, size: 4 },
    { name: 'bpf_sock_ops_cb_flags', offset: 84, size: 4 },
    { name: 'state', offset: 88, size: 4 },
    { name: 'rtt_min', offset: 92, size: 4 },
    { name: 'snd_ssthresh', offset: 96, size: 4 },
    { name: 'rcv_nxt', offset: 100, size: 4 },
    { name: 'snd_nxt', offset: 104, size: 4 },
    { name: 'snd_una', offset: 108, size: 4 },
    { name: 'mss_cache', offset: 112, size: 4 },
    { name: 'ecn_flags', offset: 116, size: 4 },
    { name: 'rate_delivered', offset: 120, size: 4 },
    { name: 'rate_interval_us', offset: 124, size: 4 },
    { name: 'packets_out', offset: 128, size: 4 },
    { name: 'retrans_out', offset: 132, size: 4 },
    { name: 'total_retrans', offset: 136, size: 4 },
    { name: 'segs_in', offset: 140, size: 4 },
    { name: 'data_segs_in', offset: 144, size: 4 },
    { name: 'segs_out', offset: 148, size: 4 },
    { name: 'data_segs_out', offset: 152, size: 4 },
    { name: 'lost_out', offset: 156, size: 4 },
    { name: 'sacked_out', offset: 160, size: 4 },
    { name: 'sk_txhash', offset: 164, size: 4, writable: true },
    { name: 'bytes_received', offset: 168, size: 8 },
    { name: 'bytes_acked', offset: 176, size: 8 },
    { name: 'sk', offset: 184, size: 8, pointer: 'socket' },
    { name: 'skb_data', offset: 192, size: 8, pointer: 'packet' },
    { name: 'skb_data_end', offset: 200, size: 8, pointer: 'packet_end' },
    { name: 'skb_len', offset: 208, size: 4 },
    { name: 'skb_tcp_flags', offset: 212, size: 4 },
    { name: 'skb_hwtstamp', offset: 216, size: 8 },
  ],
}

/** `*`: every field that has no row. */
export const BPF_SOCK_OPS_ACCESS = `
field          load   store  gives           sock_ops
reply          whole  whole  -               rw
sk_txhash      whole  whole  -               rw
sk             whole  -      socket_or_null  r
skb_tcp_flags  head   -      -               r
*              whole  -      -               r
`
