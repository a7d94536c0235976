// SPDX-License-Identifier: Apache-2.0
// The program leaves while it holds a lock.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct bucket {
	struct bpf_spin_lock lock;
	__u32 tokens;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bucket);
} buckets SEC(".maps");

SEC("tc")
int take_token(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct bucket *bucket = bpf_map_lookup_elem(&buckets, &key);

	if (!bucket)
		return 0;
	bpf_spin_lock(&bucket->lock);
	if (bucket->tokens == 0)
		return 2;
	bucket->tokens--;
	bpf_spin_unlock(&bucket->lock);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
