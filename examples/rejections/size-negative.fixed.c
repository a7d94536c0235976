// SPDX-License-Identifier: Apache-2.0
// What the explanation of size-negative suggests: the length is unsigned.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct write_args {
	__u64 common;
	long number;
	long descriptor;
	const char *buffer;
	long count;
};

struct text {
	char bytes[256];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct text);
} scratch SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_write")
int on_write(struct write_args *ctx)
{
	__u32 key = 0;
	struct text *text = bpf_map_lookup_elem(&scratch, &key);
	__u64 length = ctx->count;

	if (!text || length > sizeof(text->bytes))
		return 0;
	bpf_probe_read_user(text->bytes, length, ctx->buffer);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
