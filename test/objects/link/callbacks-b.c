/* Addresses of static functions, of the same name in both files. */
#include "../common.h"

extern int loop_a(int times);

static __noinline int square(int value)
{
	return value * value;
}

static int step(__u32 index, int *sum)
{
	*sum += square(index);
	return 0;
}

SEC("xdp")
int second(struct xdp_md *ctx)
{
	int sum = 1;

	bpf_loop(4, step, &sum, 0);
	return sum * 100 + loop_a(3);
}

char _license[] SEC("license") = "GPL";
