/**
 * `struct sk_reuseport_md`, the context of programs that choose a socket of a reuseport group.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_SK_REUSEPORT/
 * @module
 */
import type { ContextLayout } from '../types.ts'

export const SK_REUSEPORT_MD: ContextLayout = {
  name: 'sk_reuseport_md',
  size: 56,
  fields: [
    { name: 'data', offset: 0, size: 8, pointer: 'packet' },
    { name: 'data_end', offset: 8, size: 8, pointer: 'packet_end' },
    { name: 'len', offset: 16, size: 4 },
    { name: 'eth_protocol', offset: 20, size: 4 },
    { name: 'ip_protocol', offset: 24, size: 4 },
    { name: 'bind_inany', offset: 28, size: 4 },
    { name: 'hash', offset: 32, size: 4 },
    { name: 'sk', offset: 40, size: 8, pointer: 'socket' },
    { name: 'migrating_sk', offset: 48, size: 8, pointer: 'socket' },
  ],
}

export const SK_REUSEPORT_MD_ACCESS = `
field         load    store  gives                sk_reuseport
data          whole   -      -                    r
data_end      whole   -      -                    r
len           parts   -      -                    r
eth_protocol  halves  -      -                    r
ip_protocol   parts   -      -                    r
bind_inany    parts   -      -                    r
hash          whole   -      -                    r
sk            whole   -      socket               r
migrating_sk  whole   -      sock_common_or_null  r
`
