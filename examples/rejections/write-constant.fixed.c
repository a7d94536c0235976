// SPDX-License-Identifier: Apache-2.0
// What the explanation of write-constant suggests: the variable is not const.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

volatile __u32 threshold = 1000;
__u64 packets = 0;

SEC("xdp")
int adapt(struct xdp_md *ctx)
{
	if (__sync_fetch_and_add(&packets, 1) > threshold)
		threshold = 2000;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
