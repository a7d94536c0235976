// SPDX-License-Identifier: Apache-2.0
// What the explanation of return-range suggests: 0 refuses.
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

SEC("cgroup/connect4")
int refuse_telnet(struct bpf_sock_addr *ctx)
{
	if (ctx->user_port == bpf_htons(23))
		return 0;
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
