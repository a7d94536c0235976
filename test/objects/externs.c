/* .kconfig, .ksyms, kernel functions, CO-RE. */
#include "common.h"

#define __kconfig __attribute__((section(".kconfig")))
#define __ksym __attribute__((section(".ksyms")))
#define __weak __attribute__((weak))

extern unsigned int LINUX_KERNEL_VERSION __kconfig;
extern _Bool CONFIG_BPF_JIT __kconfig __weak;
extern __u64 CONFIG_HZ __kconfig;
extern const char CONFIG_DEFAULT_HOSTNAME[16] __kconfig __weak;

extern const int bpf_prog_active __ksym;
extern const void missing_symbol __ksym __weak;

struct task_struct {
	int pid;
	int tgid;
} __attribute__((preserve_access_index));

extern struct task_struct *bpf_task_acquire(struct task_struct *task) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;

SEC("tp_btf/sched_switch")
int on_switch(__u64 *ctx)
{
	struct task_struct *task = bpf_task_acquire((void *)ctx[1]);
	int sum = LINUX_KERNEL_VERSION + CONFIG_HZ + CONFIG_BPF_JIT + CONFIG_DEFAULT_HOSTNAME[0];

	if (&missing_symbol)
		sum++;
	if (task) {
		sum += task->tgid;
		bpf_task_release(task);
	}
	return sum + *(&bpf_prog_active);
}

char _license[] SEC("license") = "GPL";
