/* Small data, which leaves sections at odd ends. */
#include "../common.h"

char one = 1;
char three[3];
const volatile char letters[5] = "abcd";
SEC(".data.own") char five[5] = { 1, 2, 3, 4, 5 };

SEC("xdp")
int first(struct xdp_md *ctx)
{
	three[1] += five[4];
	return one + three[1] + letters[2];
}

char _license[] SEC("license") = "GPL";
