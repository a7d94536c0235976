// SPDX-License-Identifier: Apache-2.0
// The context is not memory: each access is rewritten to where the kernel has the member, so its place must be a constant.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u32 stage = 0;

SEC("tc")
int remember(struct __sk_buff *skb)
{
	__u32 slot = stage;

	if (slot < 5)
		skb->cb[slot] = skb->len;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
