// SPDX-License-Identifier: Apache-2.0
// What the explanation of callback-return suggests: the callback returns 0 or 1.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static long find_mark(__u64 i, void *context)
{
	__u32 *mark = context;

	return *mark == i ? 1 : 0;
}

SEC("tc")
int classify(struct __sk_buff *skb)
{
	__u32 mark = skb->mark;

	bpf_loop(128, find_mark, &mark, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
