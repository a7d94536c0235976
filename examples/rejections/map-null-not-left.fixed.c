// SPDX-License-Identifier: Apache-2.0
// The program ends where there was no element.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} marks SEC(".maps");

SEC("tc")
int count_mark(struct __sk_buff *skb)
{
	__u32 mark = skb->mark;
	__u32 *count = bpf_map_lookup_elem(&marks, &mark);

	if (!count) {
		__u32 one = 1;

		bpf_map_update_elem(&marks, &mark, &one, BPF_ANY);
		return 0;
	}
	*count += 1;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
