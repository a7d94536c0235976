/* CO-RE relocations of the same struct in both files, of fields that differ. */
#include "../common.h"

struct task_struct {
	int pid;
	int tgid;
	unsigned int flags : 4;
} __attribute__((preserve_access_index));

struct gone___a {
	int missing;
} __attribute__((preserve_access_index));

static __noinline int size_of_task(void)
{
	return __builtin_preserve_type_info(*(struct task_struct *)0, 1);
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
	struct task_struct *task = 0;

	return (long)__builtin_preserve_access_index(&task->tgid) + 100 * size_of_task() +
	       __builtin_preserve_field_info(((struct gone___a *)0)->missing, 2) * 1000;
}

char _license[] SEC("license") = "GPL";
