// SPDX-License-Identifier: Apache-2.0
// What the explanation of pointer-arithmetic suggests: the offset is computed first, and then added to the pointer.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int drop_odd(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u8 *aligned = data + (14 & ~7);

	if ((void *)(aligned + 1) > data_end)
		return XDP_PASS;
	return *aligned & 1 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
