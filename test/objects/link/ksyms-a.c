/* Kernel functions and variables, some in both files. */
#include "../common.h"

#define __ksym __attribute__((section(".ksyms")))
#define __weak __attribute__((weak))

extern const int bpf_prog_active __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern void not_there(int a) __ksym __weak;

SEC("tc")
int first(struct __sk_buff *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	if (not_there)
		not_there(1);
	return bpf_prog_active ? 0 : 1;
}

char _license[] SEC("license") = "GPL";
