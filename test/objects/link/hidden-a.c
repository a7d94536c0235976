/* Hidden functions and data, used in the other file, too. */
#include "../common.h"

#define __hidden __attribute__((visibility("hidden")))

__hidden int steps = 4;

struct pair {
	int a;
	int b;
};

__hidden __noinline int add(struct pair *pair)
{
	return pair->a + pair->b + steps;
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
	struct pair pair = { 1, ctx->data_end - ctx->data };

	return add(&pair);
}

char _license[] SEC("license") = "GPL";
