/* What tc of iproute2 loads with its own reader: program arrays filled by the names of sections. */
#include "common.h"

struct bpf_elf_map {
	__u32 type;
	__u32 size_key;
	__u32 size_value;
	__u32 max_elem;
	__u32 flags;
	__u32 id;
	__u32 pinning;
	__u32 inner_id;
	__u32 inner_idx;
};

struct bpf_elf_map SEC("maps") jumps = {
	.type = 3,
	.id = 42,
	.size_key = 4,
	.size_value = 4,
	.max_elem = 8,
	.pinning = 1,
};

SEC("classifier")
int entry(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &jumps, 3);
	return 0;
}

SEC("42/3")
int three(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &jumps, 5);
	return 3;
}

SEC("0x2a/5")
int five(struct __sk_buff *skb)
{
	return 5;
}

SEC("7/1")
int stray(struct __sk_buff *skb)
{
	return 1;
}

char _license[] SEC("license") = "GPL";
