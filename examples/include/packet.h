// SPDX-License-Identifier: Apache-2.0
// Headers of a packet as the examples read them, and bounds-checked steps over them.
#ifndef ANYBPF_EXAMPLES_PACKET_H
#define ANYBPF_EXAMPLES_PACKET_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ETH_P_IPV4 0x0800
#define ETH_P_VLAN 0x8100
#define ETH_P_QINQ 0x88a8
#define PROTO_ICMP 1
#define PROTO_TCP 6
#define PROTO_UDP 17

struct eth_header {
	__u8 destination[6];
	__u8 source[6];
	__be16 type;
} __attribute__((packed));

struct vlan_header {
	__be16 tci;
	__be16 type;
};

struct ipv4_header {
	__u8 version_and_length;
	__u8 tos;
	__be16 total_length;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__sum16 checksum;
	__be32 source;
	__be32 destination;
};

struct ports {
	__be16 source;
	__be16 destination;
};

// Where parsing stands: the next unread byte, and one past the last byte.
struct cursor {
	void *at;
	void *end;
};

// The next `size` bytes, or NULL if the packet is shorter.
static __always_inline void *take(struct cursor *cursor, __u64 size)
{
	void *start = cursor->at;

	if (start + size > cursor->end)
		return 0;
	cursor->at = start + size;
	return start;
}

// Steps over Ethernet and up to two VLAN tags; the type of what follows, in network order, or 0.
static __always_inline __be16 take_ethernet(struct cursor *cursor)
{
	struct eth_header *eth = take(cursor, sizeof(*eth));
	__be16 type;

	if (!eth)
		return 0;
	type = eth->type;
	for (int i = 0; i < 2; i++) {
		if (type != bpf_htons(ETH_P_VLAN) && type != bpf_htons(ETH_P_QINQ))
			break;
		struct vlan_header *vlan = take(cursor, sizeof(*vlan));

		if (!vlan)
			return 0;
		type = vlan->type;
	}
	return type;
}

// The IPv4 header, options stepped over, or NULL.
static __always_inline struct ipv4_header *take_ipv4(struct cursor *cursor)
{
	struct ipv4_header *ip = take(cursor, sizeof(*ip));
	__u32 length;

	if (!ip || ip->version_and_length >> 4 != 4)
		return 0;
	length = (ip->version_and_length & 15) * 4;
	if (length < sizeof(*ip))
		return 0;
	if (length > sizeof(*ip) && !take(cursor, length - sizeof(*ip)))
		return 0;
	return ip;
}

#endif
