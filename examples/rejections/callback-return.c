// SPDX-License-Identifier: Apache-2.0
// A callback of bpf_loop says 0 (go on) or 1 (enough), not what it has found.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static long find_mark(__u64 i, void *context)
{
	__u32 *mark = context;

	return *mark == i ? i : 0;
}

SEC("tc")
int classify(struct __sk_buff *skb)
{
	__u32 mark = skb->mark;

	bpf_loop(128, find_mark, &mark, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
