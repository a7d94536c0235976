// SPDX-License-Identifier: Apache-2.0
// What the explanation of context-index suggests: each access has a constant place, and a switch chooses between them.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u32 stage = 0;

SEC("tc")
int remember(struct __sk_buff *skb)
{
	__u32 slot = stage;

	switch (slot) {
	case 0:
		*(volatile __u32 *)&skb->cb[0] = skb->len;
		break;
	case 1:
		*(volatile __u32 *)&skb->cb[1] = skb->len;
		break;
	case 2:
		*(volatile __u32 *)&skb->cb[2] = skb->len;
		break;
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
