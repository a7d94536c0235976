/**
 * `struct bpf_sock_addr`, the context of programs that rewrite addresses in socket calls.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_CGROUP_SOCK_ADDR/
 * @module
 */
import type { ContextLayout } from '../types.ts'

export const BPF_SOCK_ADDR: ContextLayout = {
  name: 'bpf_sock_addr',
  size: 72,
  fields: [
    { name: 'user_family', offset: 0, size: 4 },
    { name: 'user_ip4', offset: 4, size: 4, writable: true },
    { name: 'user_ip6', offset: 8, size: 4, count: 4, writable: true },
    { name: 'user_port', offset: 24, size: 4, writable: true },
    { name: 'family', offset: 28, size: 4 },
    { name: 'type', offset: 32, size: 4 },
    { name: 'protocol', offset: 36, size: 4 },
    { name: 'msg_src_ip4', offset: 40, size: 4, writable: true },
    { name: 'msg_src_ip6', offset: 44, size: 4, count: 4, writable: true },
    { name: 'sk', offset: 64, size: 8, pointer: 'socket' },
  ],
}

/** By family; calls that send datagrams may also choose their source. */
export const BPF_SOCK_ADDR_ACCESS = `
field        load   store  gives   unix  inet4  inet6  udp4_sendmsg  udp6_sendmsg
user_family  whole  -      -       r     r      r      r             r
user_ip4     parts  whole  -       -     rw     -      rw            -
user_ip6     span   words  -       -     -      rw     -             rw
user_port    parts  whole  -       rw    rw     rw     rw            rw
family       whole  -      -       r     r      r      r             r
type         whole  -      -       r     r      r      r             r
protocol     whole  -      -       r     r      r      r             r
msg_src_ip4  parts  whole  -       -     -      -      rw            -
msg_src_ip6  span   words  -       -     -      -      -             rw
sk           whole  -      socket  r     r      r      r             r
`
