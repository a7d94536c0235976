/* Values of the kernel's configuration, one in both files. */
#include "../common.h"

#define __kconfig __attribute__((section(".kconfig")))
#define __weak __attribute__((weak))

extern unsigned int LINUX_KERNEL_VERSION __kconfig;
extern __u64 CONFIG_OF_A __kconfig __weak;
extern _Bool CONFIG_SHARED __kconfig __weak;

SEC("xdp")
int first(struct xdp_md *ctx)
{
	return (LINUX_KERNEL_VERSION ? 1 : 0) + CONFIG_OF_A * 2 + CONFIG_SHARED * 4;
}

char _license[] SEC("license") = "GPL";
