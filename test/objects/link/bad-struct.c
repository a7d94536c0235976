/* A struct with another member. */
#include "../common.h"

struct thing {
	int a;
	int c;
};

extern struct thing thing;

SEC("xdp")
int second(struct xdp_md *ctx)
{
	return thing.c;
}

char _license[] SEC("license") = "GPL";
