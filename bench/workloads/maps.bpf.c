// SPDX-License-Identifier: Apache-2.0
// Operations on maps, 64 to a run. The first byte of the packet tells what to do: 1 to fill the map, 0 to use it.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define OPERATIONS 64
#define ENTRIES 1024

struct flow {
	__u32 source;
	__u32 target;
	__u16 source_port;
	__u16 target_port;
	__u32 protocol;
};

struct prefix {
	__u32 length;
	__u32 address; // network byte order
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ENTRIES);
	__type(key, __u32);
	__type(value, __u64);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ENTRIES);
	__type(key, __u32);
	__type(value, __u64);
} percpu_array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ENTRIES);
	__type(key, struct flow);
	__type(value, __u64);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, ENTRIES);
	__type(key, struct flow);
	__type(value, __u64);
} lru_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, ENTRIES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u64);
} routes SEC(".maps");

static __always_inline int wants_filling(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;

	return data + 1 <= (__u8 *)(long)ctx->data_end && data[0] == 1;
}

static __always_inline struct flow flow_of(__u32 i)
{
	__u32 number = i * 37 % ENTRIES;
	struct flow flow = {
		.source = 0x0a000000 + number,
		.target = 0x0a000001,
		.source_port = 1024 + number,
		.target_port = 443,
		.protocol = 6,
	};

	return flow;
}

SEC("xdp")
int array_counter(struct xdp_md *ctx)
{
	for (__u32 i = 0; i < OPERATIONS; i++) {
		__u32 key = i * 37 % ENTRIES;
		__u64 *value = bpf_map_lookup_elem(&array, &key);

		if (value)
			*value += 1;
	}
	return XDP_PASS;
}

SEC("xdp")
int percpu_counter(struct xdp_md *ctx)
{
	for (__u32 i = 0; i < OPERATIONS; i++) {
		__u32 key = i * 37 % ENTRIES;
		__u64 *value = bpf_map_lookup_elem(&percpu_array, &key);

		if (value)
			*value += 1;
	}
	return XDP_PASS;
}

SEC("xdp")
int flow_lookup(struct xdp_md *ctx)
{
	__u64 one = 1;

	if (wants_filling(ctx)) {
		for (__u32 i = 0; i < OPERATIONS; i++) {
			struct flow flow = flow_of(i);

			bpf_map_update_elem(&flows, &flow, &one, BPF_ANY);
		}
		return XDP_PASS;
	}
	for (__u32 i = 0; i < OPERATIONS; i++) {
		struct flow flow = flow_of(i);
		__u64 *value = bpf_map_lookup_elem(&flows, &flow);

		if (value)
			*value += 1;
	}
	return XDP_PASS;
}

SEC("xdp")
int flow_update(struct xdp_md *ctx)
{
	__u64 value = 1;

	for (__u32 i = 0; i < OPERATIONS; i++) {
		struct flow flow = flow_of(i);

		bpf_map_update_elem(&flows, &flow, &value, BPF_ANY);
	}
	return XDP_PASS;
}

SEC("xdp")
int lru_lookup(struct xdp_md *ctx)
{
	__u64 one = 1;

	if (wants_filling(ctx)) {
		for (__u32 i = 0; i < OPERATIONS; i++) {
			struct flow flow = flow_of(i);

			bpf_map_update_elem(&lru_flows, &flow, &one, BPF_ANY);
		}
		return XDP_PASS;
	}
	for (__u32 i = 0; i < OPERATIONS; i++) {
		struct flow flow = flow_of(i);
		__u64 *value = bpf_map_lookup_elem(&lru_flows, &flow);

		if (value)
			*value += 1;
	}
	return XDP_PASS;
}

SEC("xdp")
int lru_update(struct xdp_md *ctx)
{
	__u64 value = 1;

	for (__u32 i = 0; i < OPERATIONS; i++) {
		struct flow flow = flow_of(i);

		bpf_map_update_elem(&lru_flows, &flow, &value, BPF_ANY);
	}
	return XDP_PASS;
}

SEC("xdp")
int route_lookup(struct xdp_md *ctx)
{
	__u64 one = 1;

	if (wants_filling(ctx)) {
		for (__u32 i = 0; i < OPERATIONS; i++) {
			struct prefix prefix = { .length = 8 + i % 24, .address = __builtin_bswap32(0x0a000000 + i * 0x9e3779) };

			bpf_map_update_elem(&routes, &prefix, &one, BPF_ANY);
		}
		return XDP_PASS;
	}
	for (__u32 i = 0; i < OPERATIONS; i++) {
		struct prefix prefix = { .length = 32, .address = __builtin_bswap32(0x0a000000 + i * 0x9e3779) };
		__u64 *value = bpf_map_lookup_elem(&routes, &prefix);

		if (value)
			*value += 1;
	}
	return XDP_PASS;
}

SEC("xdp")
int nothing(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
