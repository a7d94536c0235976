/**
 * `struct bpf_sk_lookup`, the context of programs that choose the socket of an incoming connection.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_SK_LOOKUP/
 * @module
 */
import type { ContextLayout } from '../types.ts'

export const BPF_SK_LOOKUP: ContextLayout = {
  name: 'bpf_sk_lookup',
  size: 72,
  fields: [
    { name: 'sk', offset: 0, size: 8, pointer: 'socket', aliases: ['cookie'] },
    { name: 'family', offset: 8, size: 4 },
    { name: 'protocol', offset: 12, size: 4 },
    { name: 'remote_ip4', offset: 16, size: 4 },
    { name: 'remote_ip6', offset: 20, size: 4, count: 4 },
    { name: 'remote_port', offset: 36, size: 2 },
    { name: 'local_ip4', offset: 40, size: 4 },
    { name: 'local_ip6', offset: 44, size: 4, count: 4 },
    { name: 'local_port', offset: 60, size: 4 },
    { name: 'ingress_ifindex', offset: 64, size: 4 },
  ],
}

export const BPF_SK_LOOKUP_ACCESS = `
field        load   store  gives           sk_lookup
sk           whole  -      socket_or_null  r
remote_port  slot   -      -               r
*            parts  -      -               r
`
