/* What BPF_CORE_READ_BITFIELD asks of bit fields. */
#include "core.h"

struct thing { __u32 b1 : 3, b2 : 7; int sb : 5; __u64 b40 : 40; } CORE;
PROGRAM(b1) {
	THING(thing);
	return OFFSET(p->b1) + ALL(p->b1);
}

PROGRAM(b2) {
	THING(thing);
	return OFFSET(p->b2) + ALL(p->b2);
}

PROGRAM(sb) {
	THING(thing);
	return OFFSET(p->sb) + ALL(p->sb);
}

PROGRAM(b40) {
	THING(thing);
	return OFFSET(p->b40) + ALL(p->b40);
}
