// SPDX-License-Identifier: Apache-2.0
// What the explanation of packet-changed suggests: data and data_end are read again after the call, and compared again.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int rewrite_source(struct __sk_buff *skb)
{
	void *data, *data_end;
	struct ethhdr *eth;

	if (bpf_skb_pull_data(skb, 64))
		return 0;
	data = (void *)(long)skb->data;
	data_end = (void *)(long)skb->data_end;
	eth = data;
	if (data + sizeof(*eth) > data_end)
		return 0;
	eth->h_source[0] = 0x02;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
