/* Weak definitions that the other file overrides, and one that it does not. */
#include "../common.h"

#define __weak __attribute__((weak))

__weak int limit = 5;
__weak const volatile int level = 6;
__weak __u64 spare = 7;

__weak __noinline int choose(int value)
{
	return value + limit;
}

__weak __noinline int keep(int value)
{
	return value * 2 + 1;
}

static __noinline int behind(int value)
{
	return value - 3;
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
	return choose(1) + keep(10) + behind(level) + limit + (int)spare;
}

char _license[] SEC("license") = "GPL";
