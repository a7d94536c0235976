// SPDX-License-Identifier: Apache-2.0
// bpf_printk, like all helpers that reach into the kernel, is for programs whose licence is compatible with the GPL.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tracepoint/syscalls/sys_enter_execve")
int on_execve(void *ctx)
{
	bpf_printk("execve by %d", (int)(bpf_get_current_pid_tgid() >> 32));
	return 0;
}

char LICENSE[] SEC("license") = "Proprietary";
