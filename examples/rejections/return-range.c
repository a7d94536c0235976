// SPDX-License-Identifier: Apache-2.0
// A cgroup program says 1 (go on) or 0 (refuse). An error number is neither.
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

SEC("cgroup/connect4")
int refuse_telnet(struct bpf_sock_addr *ctx)
{
	if (ctx->user_port == bpf_htons(23))
		return -1;
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
