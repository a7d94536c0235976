// SPDX-License-Identifier: Apache-2.0
// The check against 0 becomes a comparison of the two pointers, of which the length learns nothing.
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

SEC("xdp")
int copy_packet(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u64 length = data_end - data;
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return XDP_PASS;
	if (length == 0 || length > sizeof(event->bytes) ||
	    bpf_xdp_load_bytes(ctx, 0, event->bytes, length) < 0) {
		bpf_ringbuf_discard(event, 0);
		return XDP_PASS;
	}
	event->length = length;
	bpf_ringbuf_submit(event, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
