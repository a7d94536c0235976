// SPDX-License-Identifier: Apache-2.0
// What the explanation of off-by-one suggests: the check is for 8 and more.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define QUEUES 8

struct counters {
	__u64 per_queue[QUEUES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counters);
} counters SEC(".maps");

SEC("xdp")
int count_queue(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u32 queue = ctx->rx_queue_index;
	struct counters *counter = bpf_map_lookup_elem(&counters, &key);

	if (!counter)
		return XDP_PASS;
	if (queue >= QUEUES)
		return XDP_PASS;
	counter->per_queue[queue]++;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
