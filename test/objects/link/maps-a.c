/* A map that both files use, one of its own, and a map of maps. */
#include "../common.h"

struct key {
	__u32 a;
	__u32 b;
};

extern struct {
	__uint(type, 1);
	__uint(max_entries, 16);
	__type(key, struct key);
	__type(value, __u64);
} shared __attribute__((section(".maps")));

struct inner {
	__uint(type, 2);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} inner_a SEC(".maps");

struct {
	__uint(type, 12);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, struct inner);
} outer_a SEC(".maps") = {
	.values = { [1] = &inner_a },
};

SEC("xdp")
int first(struct xdp_md *ctx)
{
	struct key key = { 1, 2 };
	__u64 value = 30;
	__u32 one = 1, zero = 0;
	void *inner;
	__u32 *slot;

	bpf_map_update_elem(&shared, &key, &value, 0);
	inner = bpf_map_lookup_elem(&outer_a, &one);
	if (!inner)
		return -1;
	slot = bpf_map_lookup_elem(inner, &zero);
	if (!slot)
		return -2;
	return ++*slot;
}

char _license[] SEC("license") = "GPL";
