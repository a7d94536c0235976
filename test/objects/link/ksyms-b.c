/* Kernel variables, one in both files. */
#include "../common.h"

#define __ksym __attribute__((section(".ksyms")))
#define __weak __attribute__((weak))

extern const int bpf_prog_active __ksym;
extern const void bpf_prog_put __ksym __weak;

SEC("tc")
int second(struct __sk_buff *ctx)
{
	return (&bpf_prog_put ? 2 : 3) + bpf_prog_active;
}

char _license[] SEC("license") = "GPL";
