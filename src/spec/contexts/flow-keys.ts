/**
 * `struct bpf_flow_keys`: what a flow dissector fills in.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_FLOW_DISSECTOR/
 * @module
 */
import type { ContextLayout } from '../types.ts'

export const BPF_FLOW_KEYS: ContextLayout = {
  name: 'bpf_flow_keys',
  size: 56,
  fields: [
    { name: 'nhoff', offset: 0, size: 2, writable: true },
    { name: 'thoff', offset: 2, size: 2, writable: true },
    { name: 'addr_proto', offset: 4, size: 2, writable: true },
    { name: 'is_frag', offset: 6, size: 1, writable: true },
    { name: 'is_first_frag', offset: 7, size: 1, writable: true },
    { name: 'is_encap', offset: 8, size: 1, writable: true },
    { name: 'ip_proto', offset: 9, size: 1, writable: true },
    { name: 'n_proto', offset: 10, size: 2, writable: true },
    { name: 'sport', offset: 12, size: 2, writable: true },
    { name: 'dport', offset: 14, size: 2, writable: true },
    { name: 'ipv6_src', offset: 16, size: 4, count: 4, writable: true, aliases: ['ipv4_src'] },
    { name: 'ipv6_dst', offset: 32, size: 4, count: 4, writable: true },
    { name: 'flags', offset: 48, size: 4, writable: true },
    { name: 'flow_label', offset: 52, size: 4, writable: true },
  ],
}
