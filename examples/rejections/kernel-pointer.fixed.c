// SPDX-License-Identifier: Apache-2.0
// What the explanation of kernel-pointer suggests: bpf_probe_read_kernel copies what lies at the address.
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct sample {
	__u32 length;
	__u32 flags;
};

__u64 total = 0;

SEC("kprobe/handle_sample")
int on_sample(struct pt_regs *ctx)
{
	struct sample *sample = (struct sample *)PT_REGS_PARM1(ctx);
	__u32 length = 0;

	bpf_probe_read_kernel(&length, sizeof(length), &sample->length);
	__sync_fetch_and_add(&total, length);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
