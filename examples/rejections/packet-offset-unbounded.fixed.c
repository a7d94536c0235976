// SPDX-License-Identifier: Apache-2.0
// What the explanation of packet-offset-unbounded suggests: the offset is bounded before it is added.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u32 offset = 0;

SEC("xdp")
int drop_by_byte(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u8 *byte;

	if (offset > 1500)
		return XDP_PASS;
	byte = data + offset;
	if ((void *)(byte + 1) > data_end)
		return XDP_PASS;
	return *byte == 0xff ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
