/* Weak on both sides: with other values. */
#include "../common.h"

#define __weak __attribute__((weak))

int pad = 3;
__weak int value = 2000;

__weak __noinline int choose(int x)
{
	return x * 100 + value + pad;
}

SEC("xdp")
int second(struct xdp_md *ctx)
{
	return choose(2) + value;
}

char _license[] SEC("license") = "GPL";
