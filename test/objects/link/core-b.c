/* CO-RE relocations of the same struct in both files. */
#include "../common.h"

struct task_struct {
	__u64 before;
	int pid;
	int tgid;
	void *stack;
} __attribute__((preserve_access_index));

enum bpf_map_type { BPF_MAP_TYPE_HASH = 30, BPF_MAP_TYPE_ARRAY = 90 };

__noinline int place_of_stack(int x)
{
	struct task_struct *task = 0;

	return (long)__builtin_preserve_access_index(&task->stack) + x;
}

SEC("xdp")
int second(struct xdp_md *ctx)
{
	struct task_struct *task = 0;

	return (long)__builtin_preserve_access_index(&task->tgid) + 100 * place_of_stack(3) +
	       __builtin_preserve_enum_value(*(enum bpf_map_type *)BPF_MAP_TYPE_ARRAY, 1) * 1000;
}

char _license[] SEC("license") = "GPL";
