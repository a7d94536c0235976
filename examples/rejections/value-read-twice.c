// SPDX-License-Identifier: Apache-2.0
// A length in a map is checked, and read again after a call: by then it may be another one.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CAPACITY 256

struct request {
	__u32 length;
	const void *user;
	char data[CAPACITY];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct request);
} requests SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_write")
int on_write(void *ctx)
{
	__u32 key = 0;
	struct request *request = bpf_map_lookup_elem(&requests, &key);

	if (!request || request->length > CAPACITY)
		return 0;
	bpf_printk("copying %d bytes", request->length);
	bpf_probe_read_user(request->data, request->length, request->user);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
