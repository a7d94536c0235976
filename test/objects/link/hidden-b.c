/* Declared hidden here, and not there, and the other way round. */
#include "../common.h"

#define __hidden __attribute__((visibility("hidden")))

struct pair {
	int a;
	int b;
};

extern int steps;
extern int add(struct pair *pair) __hidden;

SEC("xdp")
int second(struct xdp_md *ctx)
{
	struct pair pair = { 100, ctx->data_end - ctx->data };

	steps += 3;
	return add(&pair);
}

char _license[] SEC("license") = "GPL";
