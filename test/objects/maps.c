/* Every way to declare a map in .maps, and all sections of global data. */
#include "common.h"

struct flow {
	__u32 source;
	__u16 port;
};

struct counters {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, 1); /* hash */
	__type(key, struct flow);
	__type(value, struct counters);
	__uint(max_entries, 1024);
	__uint(map_flags, 1); /* BPF_F_NO_PREALLOC */
	__uint(pinning, 1);   /* LIBBPF_PIN_BY_NAME */
} flows SEC(".maps");

struct {
	__uint(type, 2); /* array */
	__uint(key_size, 4);
	__uint(value_size, 24);
	__uint(max_entries, 3);
	__uint(map_flags, 4); /* BPF_F_NUMA_NODE */
	__uint(numa_node, 1);
} sized SEC(".maps");

struct {
	__uint(type, 30); /* bloom_filter */
	__type(value, __u32);
	__uint(max_entries, 100);
	__ulong(map_extra, 0x123456789ULL);
} bloom SEC(".maps");

struct {
	__uint(type, 27); /* ringbuf */
	__uint(max_entries, 4096);
} events SEC(".maps");

typedef struct {
	__uint(type, 2);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 7);
} inner_t;

inner_t first SEC(".maps");
static inner_t second SEC(".maps");

struct {
	__uint(type, 12); /* array_of_maps */
	__type(key, __u32);
	__uint(max_entries, 4);
	__array(values, inner_t);
} outer SEC(".maps") = {
	.values = { [1] = &first, [3] = &second },
};

struct {
	__uint(type, 13); /* hash_of_maps */
	__type(key, __u64);
	__type(value, __u32);
	__uint(max_entries, 8);
	__array(values, struct {
		__uint(type, 1);
		__type(key, struct flow);
		__type(value, __u8[16]);
		__uint(max_entries, 5);
	});
} anonymous SEC(".maps");

int pass(struct xdp_md *ctx);

struct {
	__uint(type, 3); /* prog_array */
	__uint(key_size, 4);
	__uint(max_entries, 2);
	__array(values, int(struct xdp_md *));
} jumps SEC(".maps") = {
	.values = { [1] = &pass },
};

__u32 initialised = 0x01020304;
static volatile __u16 hidden = 0x0506;
const volatile __u32 threshold = 10;
const volatile struct flow wanted SEC(".rodata.wanted") = { .source = 1, .port = 2 };
__u64 zeroed[4];
__u32 *pointer = &initialised;

SEC("xdp")
int count(struct xdp_md *ctx)
{
	struct flow key = { .source = ctx->rx_queue_index, .port = wanted.port };
	struct counters *value = bpf_map_lookup_elem(&flows, &key);
	__u32 zero = 0;

	if (value && value->packets > threshold)
		zeroed[2] += hidden;
	bpf_map_lookup_elem(&sized, &zero);
	bpf_map_lookup_elem(&second, &zero);
	*pointer += 1;
	bpf_tail_call(ctx, &jumps, 1);
	return 2;
}

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	return 2 + (int)initialised;
}

char _license[] SEC("license") = "Dual MIT/GPL";
