/* Functions that are hidden, weak and global: how a loader has them verified. */
#include "common.h"

#define __hidden __attribute__((visibility("hidden")))
#define __weak __attribute__((weak))
#define __arg_nonnull __attribute__((btf_decl_tag("arg:nonnull")))

/* Verified where it is called: the pointer is known there. */
__hidden __noinline int hidden_read(const int *p)
{
	return *p;
}

/* Verified on its own: the pointer may be NULL, */
__noinline int global_read(const int *p)
{
	return p ? *p : 0;
}

/* unless a tag says that it is not. */
__noinline int tagged_read(const int *p __arg_nonnull)
{
	return *p;
}

__weak __noinline int weak_read(const int *p)
{
	return p ? *p : 1;
}

SEC("tc")
int reads(struct __sk_buff *skb)
{
	int x = skb->len;

	return hidden_read(&x) + global_read(&x) + tagged_read(&x) + weak_read(&x);
}

/* Replaces a function of another program. */
SEC("freplace/global_read")
int replacement(const int *p)
{
	return p ? *p + 1 : 0;
}

char _license[] SEC("license") = "GPL";
