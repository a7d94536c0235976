/* A table of programs that has those of both files. */
#include "../common.h"

extern int second(struct xdp_md *ctx);

int third(struct xdp_md *ctx);

struct {
	__uint(type, 3);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(__u32));
	__array(values, int (struct xdp_md *));
} jumps SEC(".maps") = {
	.values = { [1] = (void *)&second, [3] = (void *)&third },
};

SEC("xdp")
int third(struct xdp_md *ctx)
{
	return 3;
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &jumps, 1);
	return -1;
}

char _license[] SEC("license") = "GPL";
