/* Functions: in .text, in the program's own section, in another one; static and global; by call and by address. */
#include "common.h"

__u32 total;

static __noinline int leaf(int x)
{
	total += x;
	return x * 3 + (int)total;
}

__noinline int global_leaf(int x)
{
	return leaf(x) + 1;
}

SEC("tc/helpers") __noinline int elsewhere(struct __sk_buff *skb)
{
	return skb->len + total;
}

static __noinline SEC("tc/helpers") int beside(int x)
{
	return global_leaf(x) - leaf(x + 1);
}

static long each(__u32 index, void *ctx)
{
	total += index;
	return leaf(index) > 100;
}

SEC("tc")
int entry(struct __sk_buff *skb)
{
	int sum = leaf(skb->len) + global_leaf(5) + beside(7) + elsewhere(skb);

	bpf_loop(10, each, 0, 0);
	return sum;
}

SEC("?fentry.s/do_unlinkat")
int optional(__u64 *ctx)
{
	return 0;
}

SEC("xdp.frags/devmap")
int on_device(struct xdp_md *ctx)
{
	return 2;
}
