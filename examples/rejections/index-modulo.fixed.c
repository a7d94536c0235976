// SPDX-License-Identifier: Apache-2.0
// The check tells the verifier what % tells people; the compiler would leave it out if it knew.
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

	barrier_var(slot);
	if (!share || slot >= 7)
		return 0;
	share->packets[slot]++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
