/* A second definition. */
#include "../common.h"

int number = 2;

SEC("xdp")
int second(struct xdp_md *ctx)
{
	return number;
}

char _license[] SEC("license") = "GPL";
