// SPDX-License-Identifier: Apache-2.0
// An XDP firewall: drops what comes from a blocked address, and sources that send more than `threshold` packets.
#include "packet.h"

struct address {
	__u32 addr; // host byte order
};

struct counter {
	__u64 packets;
	__u64 bytes;
};

enum reason {
	REASON_PASSED,
	REASON_BLOCKED,
	REASON_TOO_MANY,
	REASON_MALFORMED,
	REASON_NOT_IPV4,
	REASON_COUNT,
};

struct event {
	__u64 time;
	__u32 source;
	enum reason reason;
	__u32 length;
};

// Packets that one source may send; 0 is no limit.
const volatile __u32 threshold = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct address);
	__type(value, __u32);
} blocked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, REASON_COUNT);
	__type(key, enum reason);
	__type(value, struct counter);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct address);
	__type(value, struct counter);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} events SEC(".maps");

// Puts the type of the records into the object's type information, where readers of the ring buffer find it.
const struct event *unused_event __attribute__((unused));

static __always_inline void count(enum reason reason, __u64 bytes)
{
	struct counter *counter = bpf_map_lookup_elem(&counters, &reason);

	if (counter) {
		counter->packets++;
		counter->bytes += bytes;
	}
}

// Tells user space, once for each blocked packet.
static __noinline void report(__u32 source, enum reason reason, __u32 length)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return;
	event->time = bpf_ktime_get_ns();
	event->source = source;
	event->reason = reason;
	event->length = length;
	bpf_ringbuf_submit(event, 0);
}

// Packets that this source has sent, this one included.
static __always_inline __u64 count_source(struct address source, __u64 bytes)
{
	struct counter *counter = bpf_map_lookup_elem(&sources, &source);

	if (counter) {
		__sync_fetch_and_add(&counter->bytes, bytes);
		return __sync_fetch_and_add(&counter->packets, 1) + 1;
	}
	struct counter first = { .packets = 1, .bytes = bytes };

	bpf_map_update_elem(&sources, &source, &first, BPF_NOEXIST);
	return 1;
}

SEC("xdp")
int firewall(struct xdp_md *ctx)
{
	struct cursor cursor = { (void *)(long)ctx->data, (void *)(long)ctx->data_end };
	__u32 length = ctx->data_end - ctx->data;
	__be16 type = take_ethernet(&cursor);

	if (type == 0) {
		count(REASON_MALFORMED, length);
		return XDP_DROP;
	}
	if (type != bpf_htons(ETH_P_IPV4)) {
		count(REASON_NOT_IPV4, length);
		return XDP_PASS;
	}
	struct ipv4_header *ip = take_ipv4(&cursor);

	if (!ip) {
		count(REASON_MALFORMED, length);
		return XDP_DROP;
	}
	struct address source = { bpf_ntohl(ip->source) };

	if (bpf_map_lookup_elem(&blocked, &source)) {
		count(REASON_BLOCKED, length);
		report(source.addr, REASON_BLOCKED, length);
		return XDP_DROP;
	}
	__u64 sent = count_source(source, length);

	if (threshold && sent > threshold) {
		count(REASON_TOO_MANY, length);
		if (sent == threshold + 1)
			bpf_printk("%pI4 sent more than %u packets", &ip->source, threshold);
		report(source.addr, REASON_TOO_MANY, length);
		return XDP_DROP;
	}
	count(REASON_PASSED, length);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
