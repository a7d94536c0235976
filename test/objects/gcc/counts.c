/* What gcc makes of a program: bpf-gcc -O2 -gbtf -mcpu=v3 -c counts.c -o counts.el.o (gcc 12.2). */
typedef unsigned int __u32;
typedef unsigned long long __u64;

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name

extern void *lookup(void *map, const void *key) __attribute__((kernel_helper(1)));

struct {
	__uint(type, 2);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

int threshold = 3;
const int limit SEC(".rodata") = 9;

struct xdp_md {
	__u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

__attribute__((noinline)) int above(int x)
{
	return x > limit ? 1 : 2;
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	__u32 key = 1;
	__u64 *value = lookup(&counts, &key);

	if (value)
		__sync_fetch_and_add(value, 1);
	return above(ctx->ingress_ifindex) + (threshold > 2);
}

char _license[] SEC("license") = "GPL";
