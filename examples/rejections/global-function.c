// SPDX-License-Identifier: Apache-2.0
// A function that is not static is verified on its own, and void * says nothing of what it points to.
#include <linux/bpf.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>

__attribute__((noinline)) int protocol_of(void *data, void *data_end)
{
	struct iphdr *ip = data + 14;

	if ((void *)(ip + 1) > data_end)
		return 0;
	return ip->protocol;
}

SEC("xdp")
int drop_udp(struct xdp_md *ctx)
{
	int protocol = protocol_of((void *)(long)ctx->data, (void *)(long)ctx->data_end);

	return protocol == 17 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
