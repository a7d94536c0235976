// SPDX-License-Identifier: Apache-2.0
// A pointer before the end is not enough for the verifier: it wants the end of what is read compared.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int add_bytes(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u32 sum = 0;

	for (__u8 *byte = data; byte < (__u8 *)data_end; byte++)
		sum += *byte;
	return sum & 1 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
