// SPDX-License-Identifier: Apache-2.0
// Each round proves that the byte it reads is there.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct name {
	char text[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct name);
} names SEC(".maps");

SEC("xdp")
int copy_name(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u8 *question = data + 54;
	__u32 key = 0;
	struct name *name = bpf_map_lookup_elem(&names, &key);

	if (!name || (void *)question > data_end)
		return XDP_PASS;
	for (int i = 0; i < 64; i++) {
		if ((void *)(question + i + 1) > data_end)
			return XDP_PASS;
		if (question[i] == 0)
			break;
		name->text[i] = question[i];
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
