// SPDX-License-Identifier: Apache-2.0
// A record is read after it was submitted: by then it is the consumer's.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct event {
	__u32 pid;
	__u32 length;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_execve")
int on_execve(void *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return 0;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->length = sizeof(*event);
	bpf_ringbuf_submit(event, 0);
	bpf_printk("told of process %d", event->pid);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
