/* Addresses of static functions, of the same name in both files. */
#include "../common.h"

static int step(__u32 index, int *sum)
{
	*sum += index;
	return 0;
}

__noinline int loop_a(int times)
{
	int sum = 0;

	bpf_loop(times & 7, step, &sum, 0);
	return sum;
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
	return loop_a(5);
}

char _license[] SEC("license") = "GPL";
