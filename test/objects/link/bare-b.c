/* Compiled without -g. */
#include "../common.h"

static volatile int own = 9;
int counter = 30;

__noinline int helper_b(int value)
{
	return value * 4 + own;
}

char _license[] SEC("license") = "GPL";
