// SPDX-License-Identifier: Apache-2.0
// The map's values have 8 bytes, the variable that is put into it has 4: the helper reads over its end.
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
	__u32 length = skb->len;
	__u32 key = 0;

	bpf_map_update_elem(&longest, &key, &length, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
