/* Kernel functions, all of them in both files: what bpftool 7.1 refuses. */
#include "../common.h"

#define __ksym __attribute__((section(".ksyms")))
#define __weak __attribute__((weak))

extern void bpf_rcu_read_lock(void) __ksym __weak;
extern void bpf_rcu_read_unlock(void) __ksym;

SEC("tc")
int first(struct __sk_buff *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	return 1;
}

char _license[] SEC("license") = "GPL";
