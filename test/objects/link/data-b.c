/* The other half. */
#include "../common.h"

extern int own_data;
extern int own_bss;

int shared_data = 1000;
__u64 shared_bss;
const volatile int shared_rodata = 77;
int table[4] = { 1, 20, 300, 4000 };
static volatile int state = 500;
static volatile __u64 counter;

SEC("xdp")
int second(struct xdp_md *ctx)
{
	counter += own_bss;
	state += 10;
	own_data += 2;
	shared_bss += shared_rodata + *(volatile int *)&table[3];
	return state + (int)shared_bss + (int)counter;
}

char _license[] SEC("license") = "GPL";
