/* Values of the kernel's configuration, one in both files. */
#include "../common.h"

#define __kconfig __attribute__((section(".kconfig")))
#define __weak __attribute__((weak))

extern __u32 CONFIG_OF_B __kconfig __weak;
extern _Bool CONFIG_SHARED __kconfig __weak;

SEC("xdp")
int second(struct xdp_md *ctx)
{
	return CONFIG_OF_B * 3 + CONFIG_SHARED * 5 + 7;
}

char _license[] SEC("license") = "GPL";
