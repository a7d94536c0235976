/* Versions that disagree about an offset. */
#include "core.h"

struct thing { int id; __u64 size; __u32 flags; } CORE;
PROGRAM(agreed) {
	THING(thing);
	return p->id;
}

PROGRAM(disputed) {
	THING(thing);
	return p->flags;
}
