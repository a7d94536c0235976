// SPDX-License-Identifier: Apache-2.0
// The end of each byte is compared, and the rounds have a constant bound.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int add_bytes(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u32 sum = 0;

	__u8 *byte = data;

	for (int i = 0; i < 1500 && (void *)(byte + 1) <= data_end; i++)
		sum += *byte++;
	return sum & 1 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
