/* What is data there is the kernel's here. */
#include "../common.h"

extern int number __attribute__((section(".kconfig")));

SEC("xdp")
int second(struct xdp_md *ctx)
{
	return number;
}

char _license[] SEC("license") = "GPL";
