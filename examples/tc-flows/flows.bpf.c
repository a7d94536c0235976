// SPDX-License-Identifier: Apache-2.0
// A tc classifier that counts flows and sends an event for each new one.
#include "packet.h"

#define TC_ACT_OK 0

struct flow {
	__u32 source; // host byte order, as are the ports
	__u32 destination;
	__u16 source_port;
	__u16 destination_port;
	__u8 protocol;
	__u8 zero[3];
};

struct usage {
	__u64 packets;
	__u64 bytes;
	__u64 first_seen;
	__u64 last_seen;
};

struct flow_event {
	struct flow flow;
	__u64 time;
	__u32 mark;
	char protocol[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct flow);
	__type(value, struct usage);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

// Puts the type of the records into the object's type information, where readers of the ring buffer find it.
const struct flow_event *unused_event __attribute__((unused));

// Packets that are not IPv4, or too short to tell.
__u64 skipped = 0;
// Events that found the ring buffer full.
__u64 lost = 0;

static void name_protocol(char name[8], __u8 protocol)
{
	switch (protocol) {
	case PROTO_TCP:
		__builtin_memcpy(name, "tcp\0\0\0\0", 8);
		break;
	case PROTO_UDP:
		__builtin_memcpy(name, "udp\0\0\0\0", 8);
		break;
	case PROTO_ICMP:
		__builtin_memcpy(name, "icmp\0\0\0", 8);
		break;
	default:
		__builtin_memcpy(name, "other\0\0", 8);
	}
}

static __noinline int announce(struct flow *flow, __u64 now, __u32 mark)
{
	struct flow_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	event->flow = *flow;
	event->time = now;
	event->mark = mark;
	name_protocol(event->protocol, flow->protocol);
	bpf_ringbuf_submit(event, 0);
	return 1;
}

SEC("tc")
int count_flows(struct __sk_buff *skb)
{
	struct cursor cursor = { (void *)(long)skb->data, (void *)(long)skb->data_end };
	struct ipv4_header *ip = 0;

	if (take_ethernet(&cursor) == bpf_htons(ETH_P_IPV4))
		ip = take_ipv4(&cursor);
	if (!ip) {
		__sync_fetch_and_add(&skipped, 1);
		return TC_ACT_OK;
	}
	struct flow flow = {
		.source = bpf_ntohl(ip->source),
		.destination = bpf_ntohl(ip->destination),
		.protocol = ip->protocol,
	};

	if ((ip->protocol == PROTO_TCP || ip->protocol == PROTO_UDP) && !(ip->fragment & bpf_htons(0x1fff))) {
		struct ports *ports = take(&cursor, sizeof(*ports));

		if (ports) {
			flow.source_port = bpf_ntohs(ports->source);
			flow.destination_port = bpf_ntohs(ports->destination);
		}
	}
	__u64 now = bpf_ktime_get_ns();
	struct usage *usage = bpf_map_lookup_elem(&flows, &flow);

	if (usage) {
		__sync_fetch_and_add(&usage->packets, 1);
		__sync_fetch_and_add(&usage->bytes, skb->len);
		usage->last_seen = now;
		return TC_ACT_OK;
	}
	struct usage first = { 1, skb->len, now, now };

	if (bpf_map_update_elem(&flows, &flow, &first, BPF_NOEXIST) == 0) {
		skb->mark = announce(&flow, now, skb->mark) ? 1 : 2;
		skb->cb[0] = skb->len;
	}
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
