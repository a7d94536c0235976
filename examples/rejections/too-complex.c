// SPDX-License-Identifier: Apache-2.0
// A loop in a loop: each is bounded, but the verifier follows every round, and together there are too many.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct table {
	__u16 cells[1024];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct table);
} table SEC(".maps");

SEC("xdp")
int compare_all(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u32 difference = 0;
	struct table *t = bpf_map_lookup_elem(&table, &key);

	if (!t)
		return XDP_PASS;
	for (__u32 i = 0; i < 1024; i++) {
		for (__u32 j = 0; j < 1024; j++)
			difference |= t->cells[i] ^ t->cells[j];
	}
	return difference ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
