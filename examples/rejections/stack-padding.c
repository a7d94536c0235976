// SPDX-License-Identifier: Apache-2.0
// All members of the key are set, but not the bytes between them. For authors that Linux does not trust, that is a read of
// memory that was never written; for others the lookup would just not find what it should.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct flow_key {
	__u8 protocol;
	__u32 mark;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct flow_key);
	__type(value, __u64);
} flows SEC(".maps");

SEC("socket")
int count_flows(struct __sk_buff *skb)
{
	struct flow_key key;
	__u64 *count;

	key.protocol = skb->protocol;
	key.mark = skb->mark;
	count = bpf_map_lookup_elem(&flows, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
