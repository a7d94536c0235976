/* What the files bad-b to bad-h contradict. */
#include "../common.h"

struct thing {
	int a;
	int b;
};

int number = 1;
struct thing thing;

__noinline int compute(int a, struct thing *b)
{
	return b ? a + b->a : a;
}

struct {
	__uint(type, 1);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct thing);
} map SEC(".maps");

SEC("xdp")
int first(struct xdp_md *ctx)
{
	return compute(number, &thing);
}

char _license[] SEC("license") = "GPL";
