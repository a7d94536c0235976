/* Weak on both sides: the first file's count. */
#include "../common.h"

#define __weak __attribute__((weak))

__weak int value = 10;

__weak __noinline int choose(int x)
{
	return x + value;
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
	return choose(1);
}

char _license[] SEC("license") = "GPL";
