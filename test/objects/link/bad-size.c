/* A variable of another size. */
#include "../common.h"

extern __u64 number;

SEC("xdp")
int second(struct xdp_md *ctx)
{
	return number;
}

char _license[] SEC("license") = "GPL";
