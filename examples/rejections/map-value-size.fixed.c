// SPDX-License-Identifier: Apache-2.0
// What the explanation of map-value-size suggests: the variable is as large as the map's values.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} longest SEC(".maps");

SEC("tc")
int remember(struct __sk_buff *skb)
{
	__u64 length = skb->len;
	__u32 key = 0;

	bpf_map_update_elem(&longest, &key, &length, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
