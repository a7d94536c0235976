/* Data that wants more alignment than the first file's. */
#include "../common.h"

struct wide {
	__u64 a[8];
} __attribute__((aligned(64)));

struct wide wide = { { 7, 8 } };
__u64 zero[2] __attribute__((aligned(32)));
const volatile __u64 big __attribute__((aligned(16))) = 0x1122334455;
SEC(".data.own") __u64 own = 90;

SEC("xdp")
int second(struct xdp_md *ctx)
{
	zero[1] += wide.a[1];
	return zero[1] + (int)big + own;
}

char _license[] SEC("license") = "GPL";
