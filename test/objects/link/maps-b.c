/* Defines the map, and has maps of its own, with the same layout. */
#include "../common.h"

struct key {
	__u32 a;
	__u32 b;
};

struct {
	__uint(type, 2);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} own_b SEC(".maps");

struct {
	__uint(type, 1);
	__uint(max_entries, 16);
	__type(key, struct key);
	__type(value, __u64);
} shared SEC(".maps");

struct inner {
	__uint(type, 2);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} inner_b SEC(".maps");

struct {
	__uint(type, 12);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, struct inner);
} outer_b SEC(".maps") = {
	.values = { [0] = &inner_b, [2] = &inner_b },
};

SEC("xdp")
int second(struct xdp_md *ctx)
{
	struct key key = { 1, 2 };
	__u32 two = 2, one = 1;
	__u64 *value = bpf_map_lookup_elem(&shared, &key);
	__u64 *own = bpf_map_lookup_elem(&own_b, &one);
	void *inner = bpf_map_lookup_elem(&outer_b, &two);
	__u32 *slot = inner ? bpf_map_lookup_elem(inner, &one) : 0;

	if (!own || !slot)
		return -1;
	*slot += 9;
	if (!value)
		return -2;
	*own += *value;
	*value += 12;
	return *value + *slot;
}

char _license[] SEC("license") = "GPL";
