/* Unsigned integers and pointers of other sizes are read as they are. */
#include "core.h"

struct thing { __u16 flags; __u64 size; __u8 truth; __u32 count; } CORE;
PROGRAM(u16) {
	THING(thing);
	return p->flags;
}

PROGRAM(u64) {
	THING(thing);
	return p->size;
}

PROGRAM(u8) {
	THING(thing);
	return p->truth;
}

PROGRAM(u32) {
	THING(thing);
	return p->count;
}
