/* A program that works with the kinds of maps that the examples do not use, with callbacks, a subprogram and global data. */
#include "common.h"

struct prefix {
	__u32 length;
	__u32 address;
};

struct tally {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, 11); /* lpm_trie */
	__type(key, struct prefix);
	__type(value, __u32);
	__uint(max_entries, 8);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
} routes SEC(".maps");

struct {
	__uint(type, 9); /* lru_hash */
	__type(key, __u32);
	__type(value, struct tally);
	__uint(max_entries, 3);
} recent SEC(".maps");

struct {
	__uint(type, 5); /* percpu_hash */
	__type(key, __u32);
	__type(value, struct tally);
	__uint(max_entries, 16);
} shares SEC(".maps");

struct {
	__uint(type, 10); /* lru_percpu_hash */
	__type(key, __u16);
	__type(value, __u32);
	__uint(max_entries, 4);
} lately SEC(".maps");

typedef struct {
	__uint(type, 2); /* array */
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 4);
} table_t;

table_t odd SEC(".maps");
table_t even SEC(".maps");

struct {
	__uint(type, 12); /* array_of_maps */
	__type(key, __u32);
	__uint(max_entries, 2);
	__array(values, table_t);
} tables SEC(".maps") = {
	.values = { [0] = &even, [1] = &odd },
};

volatile const __u32 rounds = 5;
__u32 weights[4] = { 3, 5, 7, 11 };
__u64 sum;
__u64 seen;

struct walk {
	__u32 address;
	__u32 hash;
};

static long mix(__u32 index, struct walk *walk)
{
	walk->hash = walk->hash * 31 + (walk->address >> (index & 31)) + weights[index & 3];
	return index == 100;
}

static __noinline void count(void *map, __u32 key, __u64 bytes)
{
	struct tally first = { 1, bytes };
	struct tally *tally = bpf_map_lookup_elem(map, &key);

	if (tally) {
		tally->packets++;
		tally->bytes += bytes;
	} else {
		bpf_map_update_elem(map, &key, &first, 0);
	}
}

SEC("xdp")
int keep(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct walk walk = {};
	struct prefix prefix = { 32 };
	__u32 *route, *last, slot, one = 1;
	__u64 *cell, bytes = end - data;
	__u16 half;
	void *table;

	if (data + 34 > end)
		return 1; /* XDP_DROP */
	__builtin_memcpy(&walk.address, data + 26, 4);
	prefix.address = walk.address;
	bpf_loop(rounds, mix, &walk, 0);

	count(&recent, walk.address, bytes);
	count(&shares, walk.address, bytes);

	half = walk.hash & 7;
	last = bpf_map_lookup_elem(&lately, &half);
	if (last)
		__sync_fetch_and_add(last, 1);
	else
		bpf_map_update_elem(&lately, &half, &one, 0);

	slot = walk.hash & 1;
	table = bpf_map_lookup_elem(&tables, &slot);
	if (table) {
		slot = (walk.hash >> 1) & 3;
		cell = bpf_map_lookup_elem(table, &slot);
		if (cell)
			*cell += bytes;
	}

	sum += walk.hash & 0xff;
	seen++;
	*(__u32 *)(data + 30) = walk.hash;

	route = bpf_map_lookup_elem(&routes, &prefix);
	return route ? *route & 3 : 2; /* XDP_PASS */
}

char _license[] SEC("license") = "GPL";
