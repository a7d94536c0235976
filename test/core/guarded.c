/* A read that is guarded by a question, and one that is not. */
#include "core.h"

struct thing { int id; int never; __u32 flags; } CORE;
PROGRAM(guarded) {
	THING(thing);
	if (EXISTS(p->never)) return p->never;
	return 1;
}

PROGRAM(unguarded) {
	THING(thing);
	return p->never + p->flags;
}
