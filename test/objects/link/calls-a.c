/* Functions of another file, and static ones of the same name in both: the first in .text is named by its section. */
#include "../common.h"

extern int scale(int value, int by);
extern int sum(int a, int b, int c, int d, int e);

static __noinline int twist(int value)
{
	return value * 3 + 1;
}

static __noinline int second(int value)
{
	return twist(value) - 2;
}

__noinline int of_a(int value)
{
	return second(value) + scale(value, 5);
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
	int length = ctx->data_end - ctx->data;

	return sum(twist(length), second(length), scale(length, 2), of_a(length), 5);
}

char _license[] SEC("license") = "GPL";
