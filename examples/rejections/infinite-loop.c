// SPDX-License-Identifier: Apache-2.0
// A program waits for a flag that another one sets. Nothing says that this ever happens.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

volatile int ready = 0;

SEC("xdp")
int wait_for_ready(struct xdp_md *ctx)
{
	while (!ready)
		;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
