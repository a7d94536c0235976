// SPDX-License-Identifier: Apache-2.0
// A helper that may move the packet makes all pointers into it void, and with them the checks.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int rewrite_source(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *data_end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;

	if (data + sizeof(*eth) > data_end)
		return 0;
	if (bpf_skb_pull_data(skb, 64))
		return 0;
	eth->h_source[0] = 0x02;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
