/* Structs that every kernel has. */
#include "core.h"

struct task_struct { int pid; int tgid; char comm[16]; struct task_struct *real_parent; } CORE;
struct sk_buff { unsigned int len; unsigned char *data; __u16 protocol; __u8 cloned : 1; __u8 pkt_type : 3; } CORE;
struct task_struct___gone { long state; } CORE;
struct task_struct___now { unsigned int __state; } CORE;
enum bpf_map_type { BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_RINGBUF = 99 };
union bpf_attr { int map_type; };
PROGRAM(task) {
	struct task_struct *t = ctx;
	return t->real_parent->pid + t->tgid + t->comm[3];
}

PROGRAM(state) {
	struct task_struct___gone *g = ctx;
	struct task_struct___now *n = ctx;
	return EXISTS(g->state) ? g->state : n->__state;
}

PROGRAM(skb) {
	struct sk_buff *s = ctx;
	return s->len + s->protocol + OFFSET(s->pkt_type) + ALL(s->pkt_type) + (long)s->data;
}

PROGRAM(types) {
	return TYPE_SIZE(struct sk_buff) + TYPE_EXISTS(union bpf_attr) + TYPE_MATCHES(struct sk_buff) + VALUE(enum bpf_map_type, BPF_MAP_TYPE_RINGBUF);
}
