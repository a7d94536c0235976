// SPDX-License-Identifier: Apache-2.0
// What is left by % needs no check, but the verifier keeps no bounds through it.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct shares {
	__u64 packets[7];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct shares);
} shares SEC(".maps");

SEC("tc")
int share(struct __sk_buff *skb)
{
	__u32 key = 0;
	__u32 slot = skb->hash % 7;
	struct shares *share = bpf_map_lookup_elem(&shares, &key);

	if (!share)
		return 0;
	share->packets[slot]++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
