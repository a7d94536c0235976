/**
 * `struct bpf_sockopt`, the context of programs that allow and rewrite socket options.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_CGROUP_SOCKOPT/
 * @module
 */
import type { ContextLayout } from '../types.ts'

export const BPF_SOCKOPT: ContextLayout = {
  name: 'bpf_sockopt',
  size: 40,
  fields: [
    { name: 'sk', offset: 0, size: 8, pointer: 'socket' },
    { name: 'optval', offset: 8, size: 8, pointer: 'packet' },
    { name: 'optval_end', offset: 16, size: 8, pointer: 'packet_end' },
    { name: 'level', offset: 24, size: 4, writable: true },
    { name: 'optname', offset: 28, size: 4, writable: true },
    { name: 'optlen', offset: 32, size: 4, writable: true },
    { name: 'retval', offset: 36, size: 4, writable: true },
  ],
}

export const BPF_SOCKOPT_ACCESS = `
field       load   store  gives   getsockopt  setsockopt
sk          whole  -      socket  r           r
optval      whole  -      -       r           r
optval_end  whole  -      -       r           r
level       whole  whole  -       r           rw
optname     whole  whole  -       r           rw
optlen      whole  whole  -       rw          rw
retval      whole  whole  -       rw          -
`
