// SPDX-License-Identifier: Apache-2.0
// An address is rounded down, as one does in C. The verifier follows additions to pointers, and no other arithmetic.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int drop_odd(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u8 *aligned = (__u8 *)(((long)data + 14) & ~7L);

	if ((void *)(aligned + 1) > data_end)
		return XDP_PASS;
	return *aligned & 1 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
