/* Bit fields that are none there, and the other way round. */
#include "core.h"

struct thing { __u32 flags : 4; int b1; __u64 sb; } CORE;
struct bits { int i : 3; } CORE;
PROGRAM(flags) {
	THING(thing);
	return OFFSET(p->flags) + ALL(p->flags);
}

PROGRAM(b1) {
	THING(thing);
	return OFFSET(p->b1) + ALL(p->b1);
}

PROGRAM(sb) {
	THING(thing);
	return OFFSET(p->sb) + ALL(p->sb);
}

PROGRAM(i) {
	THING(bits);
	return OFFSET(p->i) + ALL(p->i);
}
