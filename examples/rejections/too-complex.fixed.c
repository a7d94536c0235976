// SPDX-License-Identifier: Apache-2.0
// What the explanation of too-complex suggests: bpf_loop calls the body, and the verifier follows it once.
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

struct comparison {
	struct table *table;
	__u32 difference;
};

static long compare_row(__u64 i, void *context)
{
	struct comparison *comparison = context;

	if (i >= 1024)
		return 1;
	for (__u32 j = 0; j < 1024; j++)
		comparison->difference |= comparison->table->cells[i] ^ comparison->table->cells[j];
	return 0;
}

SEC("xdp")
int compare_all(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct comparison comparison = {};

	comparison.table = bpf_map_lookup_elem(&table, &key);
	if (!comparison.table)
		return XDP_PASS;
	bpf_loop(1024, compare_row, &comparison, 0);
	return comparison.difference ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
