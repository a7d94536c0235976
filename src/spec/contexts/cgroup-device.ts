/**
 * `struct bpf_cgroup_dev_ctx`, the context of programs that allow access to devices.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_CGROUP_DEVICE/
 * @module
 */
import type { ContextLayout } from '../types.ts'

export const BPF_CGROUP_DEV_CTX: ContextLayout = {
  name: 'bpf_cgroup_dev_ctx',
  size: 12,
  fields: [
    { name: 'access_type', offset: 0, size: 4 },
    { name: 'major', offset: 4, size: 4 },
    { name: 'minor', offset: 8, size: 4 },
  ],
}

export const BPF_CGROUP_DEV_CTX_ACCESS = `
field        load   store  gives  cgroup_device
access_type  parts  -      -      r
major        whole  -      -      r
minor        whole  -      -      r
`
