// SPDX-License-Identifier: Apache-2.0
// The length is bounded before the pointer is compared.
#include <linux/bpf.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int drop_by_last_byte(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + 14;

	if ((void *)(ip + 1) > data_end)
		return XDP_PASS;
	__u32 length = __builtin_bswap16(ip->tot_len);
	__u8 *last = data + 14 + length - 1;
	if (length > 1500)
		return XDP_PASS;
	if ((void *)(last + 1) > data_end)
		return XDP_PASS;
	return *last ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
