/* Implementations of a kernel's struct of functions. */
#include "common.h"

struct sock;

struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	char name[16];
	__u32 flags;
};

SEC("struct_ops/ssthresh")
__u32 half(__u64 *ctx)
{
	return 2;
}

SEC("struct_ops.s/cong_avoid")
int avoid(__u64 *ctx)
{
	return 0;
}

SEC(".struct_ops")
struct tcp_congestion_ops plain = {
	.ssthresh = (void *)half,
	.cong_avoid = (void *)avoid,
	.name = "plain",
};

SEC(".struct_ops.link")
struct tcp_congestion_ops linked = {
	.ssthresh = (void *)half,
	.name = "linked",
	.flags = 3,
};

char _license[] SEC("license") = "GPL";
