/* The other half: calls back into the first file. */
#include "../common.h"

extern int of_a(int value);

static __noinline int twist(int value)
{
	return value * 7 + 2;
}

static __noinline int second(int value)
{
	return twist(value) + 20;
}

__noinline int scale(int value, int by)
{
	return value * by + second(value);
}

__noinline int sum(int a, int b, int c, int d, int e)
{
	return a + b * 2 + c * 3 + d * 4 + e * 5;
}

SEC("xdp")
int other(struct xdp_md *ctx)
{
	return of_a(ctx->data_end - ctx->data) + twist(1);
}

char _license[] SEC("license") = "GPL";
