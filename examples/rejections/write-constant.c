// SPDX-License-Identifier: Apache-2.0
// A constant is written: it lies in a map that is frozen before the program is loaded.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 threshold = 1000;
__u64 packets = 0;

SEC("xdp")
int adapt(struct xdp_md *ctx)
{
	if (__sync_fetch_and_add(&packets, 1) > threshold)
		*(volatile __u32 *)&threshold = 2000;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
