// SPDX-License-Identifier: Apache-2.0
// The program ends without saying what becomes of the packet.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 packets = 0;

SEC("xdp")
int count_packets(struct xdp_md *ctx)
{
	__sync_fetch_and_add(&packets, 1);
}

char LICENSE[] SEC("license") = "GPL";
