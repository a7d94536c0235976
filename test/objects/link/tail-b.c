/* Called by way of the other file's table, and goes on by it. */
#include "../common.h"

extern struct {
	__uint(type, 3);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(__u32));
	__array(values, int (struct xdp_md *));
} jumps __attribute__((section(".maps")));

int visits;

SEC("xdp")
int second(struct xdp_md *ctx)
{
	visits++;
	bpf_tail_call(ctx, &jumps, 3);
	return -2;
}

char _license[] SEC("license") = "GPL";
