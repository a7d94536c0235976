/* A map of another size. */
#include "../common.h"

struct thing {
	int a;
	int b;
};

extern struct {
	__uint(type, 1);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, struct thing);
} map __attribute__((section(".maps")));

SEC("xdp")
int second(struct xdp_md *ctx)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&map, &key) ? 1 : 0;
}

char _license[] SEC("license") = "GPL";
