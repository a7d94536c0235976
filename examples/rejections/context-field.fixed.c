// SPDX-License-Identifier: Apache-2.0
// What the explanation of context-field suggests: a member that socket filters see.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("socket")
int keep_large(struct __sk_buff *skb)
{
	__u32 length = skb->len;

	return length > 100 ? length : 0;
}

char LICENSE[] SEC("license") = "GPL";
