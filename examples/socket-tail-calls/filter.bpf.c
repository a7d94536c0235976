// SPDX-License-Identifier: Apache-2.0
// A socket filter that hands each packet to a program of its protocol by a tail call.
// What a program returns is the number of bytes of the packet that the socket gets to see.
#include "packet.h"

#define KEEP_ALL 0xffffffff
#define SNAP_LENGTH 64

struct header {
	__u8 version_and_length;
	__u8 tos;
	__be16 total_length;
	__be32 id_and_fragment;
	__u8 ttl;
	__u8 protocol;
	__sum16 checksum;
	__be32 source;
	__be32 destination;
};

struct tally {
	__u64 packets;
	__u64 kept;
};

int filter_tcp(struct __sk_buff *skb);
int filter_udp(struct __sk_buff *skb);
int filter_icmp(struct __sk_buff *skb);

// Index is the number of the protocol.
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 256);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} protocols SEC(".maps") = {
	.values = {
		[PROTO_ICMP] = (void *)&filter_icmp,
		[PROTO_TCP] = (void *)&filter_tcp,
		[PROTO_UDP] = (void *)&filter_udp,
	},
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct tally);
} tallies SEC(".maps");

static __always_inline int finish(__u32 protocol, __u32 keep)
{
	struct tally *tally = bpf_map_lookup_elem(&tallies, &protocol);
	struct tally first = { 1, keep ? 1 : 0 };

	if (!tally) {
		bpf_map_update_elem(&tallies, &protocol, &first, BPF_ANY);
	} else {
		tally->packets++;
		tally->kept += keep ? 1 : 0;
	}
	return keep;
}

// Offset of what follows the IPv4 header, from the start of the network header; 0 if it cannot be read.
static __always_inline __u32 transport_offset(struct __sk_buff *skb)
{
	__u8 first;

	if (bpf_skb_load_bytes_relative(skb, 0, &first, 1, BPF_HDR_START_NET) < 0)
		return 0;
	return (first & 15) * 4;
}

SEC("socket")
int filter_tcp(struct __sk_buff *skb)
{
	__u32 at = transport_offset(skb);
	__u8 flags;

	// Only the handshake and the end of connections.
	if (at == 0 || bpf_skb_load_bytes_relative(skb, at + 13, &flags, 1, BPF_HDR_START_NET) < 0)
		return finish(PROTO_TCP, 0);
	return finish(PROTO_TCP, flags & 0x07 ? SNAP_LENGTH : 0);
}

SEC("socket")
int filter_udp(struct __sk_buff *skb)
{
	__u32 at = transport_offset(skb);
	struct ports ports;

	// Only DNS.
	if (at == 0 || bpf_skb_load_bytes_relative(skb, at, &ports, sizeof(ports), BPF_HDR_START_NET) < 0)
		return finish(PROTO_UDP, 0);
	return finish(PROTO_UDP,
		      ports.source == bpf_htons(53) || ports.destination == bpf_htons(53) ? KEEP_ALL : 0);
}

SEC("socket")
int filter_icmp(struct __sk_buff *skb)
{
	return finish(PROTO_ICMP, KEEP_ALL);
}

SEC("socket")
int dispatch(struct __sk_buff *skb)
{
	struct header header;

	if (skb->protocol != bpf_htons(ETH_P_IPV4))
		return finish(0, 0);
	if (bpf_skb_load_bytes_relative(skb, 0, &header, sizeof(header), BPF_HDR_START_NET) < 0)
		return finish(0, 0);
	bpf_tail_call(skb, &protocols, header.protocol);
	// No program for this protocol.
	return finish(header.protocol, 0);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
