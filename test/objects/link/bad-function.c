/* A function of other parameters. */
#include "../common.h"

extern int compute(int a, int b, int c);

SEC("xdp")
int second(struct xdp_md *ctx)
{
	return compute(1, 2, 3);
}

char _license[] SEC("license") = "GPL";
