/**
 * `struct sk_msg_md`, the context of programs that decide over messages sent through a socket.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_SK_MSG/
 * @module
 */
import type { ContextLayout } from '../types.ts'

export const SK_MSG_MD: ContextLayout = {
  name: 'sk_msg_md',
  size: 80,
  fields: [
    { name: 'data', offset: 0, size: 8, pointer: 'packet' },
    { name: 'data_end', offset: 8, size: 8, pointer: 'packet_end' },
    { name: 'family', offset: 16, size: 4 },
    { name: 'remote_ip4', offset: 20, size: 4 },
    { name: 'local_ip4', offset: 24, size: 4 },
    { name: 'remote_ip6', offset: 28, size: 4, count: 4 },
    { name: 'local_ip6', offset: 44, size: 4, count: 4 },
    { name: 'remote_port', offset: 60, size: 4 },
    { name: 'local_port', offset: 64, size: 4 },
    { name: 'size', offset: 68, size: 4 },
    { name: 'sk', offset: 72, size: 8, pointer: 'socket' },
  ],
}

export const SK_MSG_MD_ACCESS = `
field  load   store  gives   sk_msg
sk     whole  -      socket  r
*      whole  -      -       r
`
