// SPDX-License-Identifier: Apache-2.0
// The pointer is checked against the end of the packet, but its offset may be so large that the sum wraps around.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u32 offset = 0;

SEC("xdp")
int drop_by_byte(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u8 *byte = data + offset;

	if ((void *)(byte + 1) > data_end)
		return XDP_PASS;
	return *byte == 0xff ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
