/* Maps and metadata as they were before BTF; built without debug information. */
#include "common.h"

struct bpf_elf_map {
	__u32 type, size_key, size_value, max_elem, flags, id, pinning, inner_id, inner_idx;
};

struct bpf_elf_map table SEC("maps") = {
	.type = 1, .size_key = 4, .size_value = 8, .max_elem = 16, .id = 7, .pinning = 2,
};

struct bpf_elf_map nested SEC("maps") = {
	.type = 12, .size_key = 4, .size_value = 4, .max_elem = 2, .inner_id = 7,
};

SEC("kprobe/sys_write")
int on_write(void *ctx)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&table, &key);

	return value ? *value : 0;
}

SEC("2/1")
int tail(void *ctx)
{
	__u32 key = 1;

	return bpf_map_lookup_elem(&nested, &key) != 0;
}

char _license[] SEC("license") = "GPL";
__u32 _version SEC("version") = 0x050a00;
