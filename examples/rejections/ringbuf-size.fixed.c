// SPDX-License-Identifier: Apache-2.0
// The largest record is reserved.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct event {
	__u32 length;
	char bytes[128];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

SEC("tc")
int tell_length(struct __sk_buff *skb)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return 0;
	event->length = skb->len;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
