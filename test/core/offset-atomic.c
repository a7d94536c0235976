/* Atomic operations on a field. */
#include "core.h"

struct thing { __u32 flags; __u64 size; } CORE;
PROGRAM(add) {
	THING(thing);
	__sync_fetch_and_add(&p->size, 3);
	return 0;
}

PROGRAM(exchange) {
	THING(thing);
	return __sync_lock_test_and_set(&p->flags, 3);
}
