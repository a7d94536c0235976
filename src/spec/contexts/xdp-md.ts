/**
 * `struct xdp_md`, the context of XDP programs.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_XDP/
 * @module
 */
import type { ContextLayout } from '../types.ts'

export const XDP_MD: ContextLayout = {
  name: 'xdp_md',
  size: 24,
  fields: [
    { name: 'data', offset: 0, size: 4, pointer: 'packet' },
    { name: 'data_end', offset: 4, size: 4, pointer: 'packet_end' },
    { name: 'data_meta', offset: 8, size: 4, pointer: 'packet_meta' },
    { name: 'ingress_ifindex', offset: 12, size: 4 },
    { name: 'rx_queue_index', offset: 16, size: 4 },
    { name: 'egress_ifindex', offset: 20, size: 4 },
  ],
}

export const XDP_MD_ACCESS = `
field            load   store  gives  xdp  xdp_devmap
egress_ifindex   whole  -      -      -    r
*                whole  -      -      r    r
`
