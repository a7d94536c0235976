// SPDX-License-Identifier: Apache-2.0
// Each function keeps within 512 bytes of stack, but one calls the other, and both buffers are alive at once.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

static __attribute__((noinline)) long send_payload(struct __sk_buff *skb, __u32 offset)
{
	char payload[320];

	if (bpf_skb_load_bytes(skb, offset, payload, sizeof(payload)))
		return 0;
	return bpf_ringbuf_output(&events, payload, sizeof(payload), 0);
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
