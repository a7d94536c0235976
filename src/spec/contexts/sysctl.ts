/**
 * `struct bpf_sysctl`, the context of programs that allow and rewrite access to sysctls.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_CGROUP_SYSCTL/
 * @module
 */
import type { ContextLayout } from '../types.ts'

export const BPF_SYSCTL: ContextLayout = {
  name: 'bpf_sysctl',
  size: 8,
  fields: [
    { name: 'write', offset: 0, size: 4 },
    { name: 'file_pos', offset: 4, size: 4, writable: true },
  ],
}

export const BPF_SYSCTL_ACCESS = `
field     load   store  gives  cgroup_sysctl
write     parts  -      -      r
file_pos  parts  whole  -      rw
`
