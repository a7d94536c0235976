/* Strong definitions. */
#include "../common.h"

int before = 1;
int limit = 50;
const volatile int level = 60;

__noinline int choose(int value)
{
	return value * 1000 + limit + before;
}

SEC("xdp")
int second(struct xdp_md *ctx)
{
	before++;
	return choose(2) + level;
}

char _license[] SEC("license") = "GPL";
