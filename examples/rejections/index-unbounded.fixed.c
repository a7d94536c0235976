// SPDX-License-Identifier: Apache-2.0
// What the explanation of index-unbounded suggests: the index is checked.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct histogram {
	__u64 slots[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct histogram);
} sizes SEC(".maps");

SEC("tc")
int measure(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct histogram *histogram = bpf_map_lookup_elem(&sizes, &key);
	__u32 slot = skb->len / 32;

	if (!histogram)
		return 0;
	if (slot >= 64)
		return 0;
	histogram->slots[slot]++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
