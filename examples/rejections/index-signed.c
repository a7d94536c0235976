// SPDX-License-Identifier: Apache-2.0
// The index is checked against the length of the array, but it is signed: a negative one passes the check.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct limits {
	__u32 per_class[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct limits);
} limits SEC(".maps");

SEC("tc")
int police(struct __sk_buff *skb)
{
	__u32 key = 0;
	int class = skb->mark;
	struct limits *limit = bpf_map_lookup_elem(&limits, &key);

	if (!limit || class >= 16)
		return 0;
	return skb->len > limit->per_class[class] ? 2 : 0;
}

char LICENSE[] SEC("license") = "GPL";
