// SPDX-License-Identifier: Apache-2.0
// The argument of a traced function is an address in the kernel. For the verifier it is a number like any other.
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

	__sync_fetch_and_add(&total, sample->length);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
