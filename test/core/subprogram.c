/* Relocations in a function that programs share. */
#include "core.h"

struct thing { int id; __u32 flags; __u64 size; } CORE;
__attribute__((noinline)) int shared(struct thing *p) {
	return p ? p->flags + p->size : 0;
}

PROGRAM(one) {
	THING(thing);
	return shared(p) + p->id;
}

PROGRAM(two) {
	THING(thing);
	return shared(p) + 2;
}
