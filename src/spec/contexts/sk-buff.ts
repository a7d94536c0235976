/**
 * `struct __sk_buff`, the context of every program that sees a socket buffer: socket filters, tc, cgroup, LWT, sk_skb.
 * Which fields a program type may read or write differs; `writable` is what tc programs may write.
 * @see https://docs.ebpf.io/linux/program-context/__sk_buff/
 * @module
 */
import type { ContextLayout } from '../types.ts'

export const SK_BUFF: ContextLayout = {
  name: '__sk_buff',
  size: 192,
  fields: [
    { name: 'len', offset: 0, size: 4 },
    { name: 'pkt_type', offset: 4, size: 4 },
    { name: 'mark', offset: 8, size: 4, writable: true },
    { name: 'queue_mapping', offset: 12, size: 4, writable: true },
    { name: 'protocol', offset: 16, size: 4 },
    { name: 'vlan_present', offset: 20, size: 4 },
    { name: 'vlan_tci', offset: 24, size: 4 },
    { name: 'vlan_proto', offset: 28, size: 4 },
    { name: 'priority', offset: 32, size: 4, writable: true },
    { name: 'ingress_ifindex', offset: 36, size: 4 },
    { name: 'ifindex', offset: 40, size: 4 },
    { name: 'tc_index', offset: 44, size: 4, writable: true },
    { name: 'cb', offset: 48, size: 4, count: 5, writable: true },
    { name: 'hash', offset: 68, size: 4 },
    { name: 'tc_classid', offset: 72, size: 4, writable: true },
    { name: 'data', offset: 76, size: 4, pointer: 'packet' },
    { name: 'data_end', offset: 80, size: 4, pointer: 'packet_end' },
    { name: 'napi_id', offset: 84, size: 4 },
    { name: 'family', offset: 88, size: 4 },
    { name: 'remote_ip4', offset: 92, size: 4 },
    { name: 'local_ip4', offset: 96, size: 4 },
    { name: 'remote_ip6', offset: 100, size: 4, count: 4 },
    { name: 'local_ip6', offset: 116, size: 4, count: 4 },
    { name: 'remote_port', offset: 132, size: 4 },
    { name: 'local_port', offset: 136, size: 4 },
    { name: 'data_meta', offset: 140, size: 4, pointer: 'packet_meta' },
    { name: 'flow_keys', offset: 144, size: 8, pointer: 'flow_keys' },
    { name: 'tstamp', offset: 152, size: 8, writable: true },
    { name: 'wire_len', offset: 160, size: 4 },
    { name: 'gso_segs', offset: 164, size: 4 },
    { name: 'sk', offset: 168, size: 8, pointer: 'socket' },
    { name: 'gso_size', offset: 176, size: 4 },
    { name: 'tstamp_type', offset: 180, size: 1 },
    { name: 'hwtstamp', offset: 184, size: 8 },
  ],
}

/** What each kind of program may do with each field. `lwt` stands for all four LWT types, `tc` for classifiers and actions. */
export const SK_BUFF_ACCESS = `
field            load   store  gives                socket_filter  tc  cgroup_skb  lwt  sk_skb  flow_dissector
len              parts  -      -                    r              r   r           r    r       -
pkt_type         parts  -      -                    r              r   r           r    r       -
mark             parts  whole  -                    r              rw  rw          rw   -       -
queue_mapping    parts  whole  -                    r              rw  r           r    r       -
protocol         parts  -      -                    r              r   r           r    r       -
vlan_present     parts  -      -                    r              r   r           r    r       -
vlan_tci         parts  -      -                    r              r   r           r    r       -
vlan_proto       parts  -      -                    r              r   r           r    r       -
priority         parts  whole  -                    r              rw  rw          rw   rw      -
ingress_ifindex  parts  -      -                    r              r   r           r    r       -
ifindex          parts  -      -                    r              r   r           r    r       -
tc_index         parts  whole  -                    r              rw  r           r    rw      -
cb               span   span   -                    rw             rw  rw          rw   r       -
hash             parts  -      -                    r              r   r           r    r       -
tc_classid       parts  whole  -                    -              rw  -           -    -       -
data             whole  -      -                    -              r   r           r    r       r
data_end         whole  -      -                    -              r   r           r    r       r
napi_id          parts  -      -                    r              r   r           r    r       -
family           parts  -      -                    -              -   r           -    r       -
remote_ip4       whole  -      -                    -              -   r           -    r       -
local_ip4        whole  -      -                    -              -   r           -    r       -
remote_ip6       whole  -      -                    -              -   r           -    r       -
local_ip6        whole  -      -                    -              -   r           -    r       -
remote_port      parts  -      -                    -              -   r           -    r       -
local_port       parts  -      -                    -              -   r           -    r       -
data_meta        whole  -      -                    -              r   -           -    -       -
flow_keys        whole  -      -                    -              -   -           -    -       r
tstamp           whole  whole  -                    -              rw  rw          -    -       -
wire_len         parts  -      -                    -              r   -           -    -       -
gso_segs         parts  -      -                    r              r   r           r    r       -
sk               whole  -      sock_common_or_null  r              r   r           r    r       -
gso_size         parts  -      -                    r              r   r           r    r       -
tstamp_type      whole  -      -                    -              r   -           -    -       -
hwtstamp         whole  -      -                    -              r   r           -    -       -
`
