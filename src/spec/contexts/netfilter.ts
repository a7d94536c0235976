/**
 * `struct bpf_nf_ctx`, the context of netfilter programs: two pointers to kernel objects.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_NETFILTER/
 * @module
 */
import type { ContextLayout } from '../types.ts'

export const BPF_NF_CTX: ContextLayout = {
  name: 'bpf_nf_ctx',
  size: 16,
  fields: [
    { name: 'state', offset: 0, size: 8, pointer: 'kernel' },
    { name: 'skb', offset: 8, size: 8, pointer: 'kernel' },
  ],
}

export const BPF_NF_CTX_ACCESS = `
field  load   store  gives                     netfilter
state  whole  -      trusted_btf:nf_hook_state  r
skb    whole  -      trusted_btf:sk_buff        r
`
