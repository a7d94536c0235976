// SPDX-License-Identifier: Apache-2.0
// What the explanation of infinite-loop suggests: the loop has a limit.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

volatile int ready = 0;

SEC("xdp")
int wait_for_ready(struct xdp_md *ctx)
{
	for (int i = 0; i < 100 && !ready; i++)
		;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
