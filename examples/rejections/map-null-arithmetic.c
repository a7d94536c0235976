// SPDX-License-Identifier: Apache-2.0
// The address of a member is computed before the value is known to be there: NULL + 8 is not NULL any more.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct session {
	__u64 started;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct session);
} sessions SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_execve")
int on_execve(void *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct session *session = bpf_map_lookup_elem(&sessions, &id);
	char *comm = session->comm;

	if (comm)
		bpf_get_current_comm(comm, sizeof(session->comm));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
