/* Strings of literals: other ones, of another length. */
#include "../common.h"

static long (*const bpf_trace_printk)(const char *fmt, __u32 fmt_size, ...) = (void *)6;

static const char names[2][6] = { "alpha", "betaa" };

SEC("xdp")
int second(struct xdp_md *ctx)
{
	int which = (ctx->data_end - ctx->data) & 1;
	int sum = 0;

	bpf_trace_printk("odd one %d\n", 12, which);
	for (int i = 0; i < 5; i++)
		sum += names[which][i] * (i + 1);
	return sum;
}

char _license[] SEC("license") = "GPL";
