/* Loads of integers of every size. */
#include "core.h"

struct thing { int id; __u32 flags; __u64 size; __s16 narrow; _Bool truth; } CORE;
PROGRAM(of_int) {
	THING(thing);
	return p->id;
}

PROGRAM(of_u32) {
	THING(thing);
	return p->flags;
}

PROGRAM(of_u64) {
	THING(thing);
	return p->size;
}

PROGRAM(of_s16) {
	THING(thing);
	return p->narrow;
}

PROGRAM(of_bool) {
	THING(thing);
	return p->truth;
}
