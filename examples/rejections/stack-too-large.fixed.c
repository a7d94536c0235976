// SPDX-License-Identifier: Apache-2.0
// What the explanation of stack-too-large suggests: the larger buffer lies in a map with one value per CPU.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct payload {
	char bytes[320];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct payload);
} scratch SEC(".maps");

static __attribute__((noinline)) long send_payload(struct __sk_buff *skb, __u32 offset)
{
	__u32 key = 0;
	struct payload *payload = bpf_map_lookup_elem(&scratch, &key);

	if (!payload)
		return 0;
	if (bpf_skb_load_bytes(skb, offset, payload->bytes, sizeof(payload->bytes)))
		return 0;
	return bpf_ringbuf_output(&events, payload->bytes, sizeof(payload->bytes), 0);
}

SEC("tc")
int copy_packet(struct __sk_buff *skb)
{
	char headers[256];

	if (bpf_skb_load_bytes(skb, 0, headers, sizeof(headers)))
		return 0;
	send_payload(skb, sizeof(headers));
	bpf_ringbuf_output(&events, headers, sizeof(headers), 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
