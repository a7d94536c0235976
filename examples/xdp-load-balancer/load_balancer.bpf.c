// SPDX-License-Identifier: Apache-2.0
// An XDP load balancer for TCP and UDP over IPv4: rewrites what is sent to a virtual address and transmits it to a backend.
// A connection stays with the backend that it got first.
#include "packet.h"

#define MAX_BACKENDS 16

struct service {
	__be32 address;
	__be16 port;
	__u8 protocol;
	__u8 zero;
};

struct backend {
	__be32 address;
	__u8 mac[6];
	__u16 zero;
};

struct connection {
	__be32 client;
	__be32 service;
	__be16 client_port;
	__be16 service_port;
	__u32 protocol;
};

struct statistics {
	__u64 packets;
	__u64 new_connections;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct service);
	__type(value, __u32); // number of its backends
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_BACKENDS);
	__type(key, __u32);
	__type(value, struct backend);
} backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct connection);
	__type(value, __u32);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_BACKENDS);
	__type(key, __u32);
	__type(value, struct statistics);
} statistics SEC(".maps");

// Mixes a connection into 32 bits, so that clients spread over backends.
static __noinline __u32 hash_connection(struct connection *connection)
{
	__u32 hash = connection->client * 0x9e3779b1u;

	hash ^= (connection->client_port << 16 | connection->service_port) * 0x85ebca6bu;
	hash ^= hash >> 15;
	hash *= 0xc2b2ae35u;
	return hash ^ hash >> 13 ^ connection->protocol;
}

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

// The checksum after a 32-bit word under it changed (RFC 1624).
static __always_inline __sum16 update_checksum(__sum16 checksum, __be32 from, __be32 to)
{
	__u64 sum = (__u16)~checksum;

	sum += (__u16)~(from & 0xffff);
	sum += (__u16)~(from >> 16);
	sum += to & 0xffff;
	sum += to >> 16;
	return ~fold(sum);
}

SEC("xdp")
int balance(struct xdp_md *ctx)
{
	struct cursor cursor = { (void *)(long)ctx->data, (void *)(long)ctx->data_end };
	struct eth_header *eth = cursor.at;

	if (take_ethernet(&cursor) != bpf_htons(ETH_P_IPV4))
		return XDP_PASS;
	struct ipv4_header *ip = take_ipv4(&cursor);

	// A later fragment has no ports, so it cannot be told which connection it belongs to.
	if (!ip || ip->fragment & bpf_htons(0x1fff))
		return XDP_PASS;
	if (ip->protocol != PROTO_TCP && ip->protocol != PROTO_UDP)
		return XDP_PASS;
	void *transport = cursor.at;
	struct ports *ports = take(&cursor, sizeof(*ports));

	if (!ports)
		return XDP_PASS;
	struct service service = { ip->destination, ports->destination, ip->protocol, 0 };
	__u32 *count = bpf_map_lookup_elem(&services, &service);

	if (!count || *count == 0)
		return XDP_PASS;
	struct connection connection = { ip->source, ip->destination, ports->source, ports->destination, ip->protocol };
	__u32 *known = bpf_map_lookup_elem(&connections, &connection);
	__u32 chosen = known ? *known : hash_connection(&connection) % *count;
	struct backend *backend = bpf_map_lookup_elem(&backends, &chosen);

	if (!backend)
		return XDP_ABORTED;
	if (!known)
		bpf_map_update_elem(&connections, &connection, &chosen, BPF_ANY);
	struct statistics *statistic = bpf_map_lookup_elem(&statistics, &chosen);

	if (statistic) {
		statistic->packets++;
		statistic->new_connections += !known;
	}

	// TCP has its checksum at 16, UDP at 6, where 0 means that there is none.
	__sum16 *checksum = transport + (ip->protocol == PROTO_TCP ? 16 : 6);

	if ((void *)(checksum + 1) > cursor.end)
		return XDP_DROP;
	if (ip->protocol == PROTO_TCP || *checksum != 0) {
		*checksum = update_checksum(*checksum, ip->destination, backend->address);
		if (ip->protocol == PROTO_UDP && *checksum == 0)
			*checksum = 0xffff;
	}
	ip->checksum = update_checksum(ip->checksum, ip->destination, backend->address);
	ip->destination = backend->address;
	__builtin_memcpy(eth->source, eth->destination, 6);
	__builtin_memcpy(eth->destination, backend->mac, 6);
	return XDP_TX;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
