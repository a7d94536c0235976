// SPDX-License-Identifier: Apache-2.0
// The function is static: it is verified where it is called.
#include <linux/bpf.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>

static __attribute__((noinline)) int protocol_of(void *data, void *data_end)
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
