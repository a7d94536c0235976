// SPDX-License-Identifier: Apache-2.0
// struct __sk_buff has many members, and each program type sees only some of them: a socket filter has no `data`.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("socket")
int keep_large(struct __sk_buff *skb)
{
	__u32 length = skb->data_end - skb->data;

	return length > 100 ? length : 0;
}

char LICENSE[] SEC("license") = "GPL";
