/* Programs that are in no section of their own. */
#include "common.h"

static __noinline int inner(int x)
{
	return x + 1;
}

int func(void *ctx)
{
	return inner(*(int *)ctx);
}

int other(void *ctx)
{
	return inner(2) + inner(*(int *)ctx);
}
