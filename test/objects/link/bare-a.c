/* Compiled without -g: there is no BTF, and types cannot be compared. */
#include "../common.h"

extern int helper_b(int value);
extern int counter;

SEC("xdp")
int first(struct xdp_md *ctx)
{
	counter += 5;
	return helper_b(3) + counter;
}

char _license[] SEC("license") = "GPL";
