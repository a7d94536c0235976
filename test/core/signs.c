/* Signs and shifts of plain fields. */
#include "core.h"

enum state { IDLE };
struct thing { int id; __u32 flags; __s16 narrow; enum state state; void *data; _Bool truth; char name[4]; } CORE;
PROGRAM(id) {
	THING(thing);
	return ALL(p->id);
}

PROGRAM(flags) {
	THING(thing);
	return ALL(p->flags);
}

PROGRAM(narrow) {
	THING(thing);
	return ALL(p->narrow);
}

PROGRAM(state) {
	THING(thing);
	return ALL(p->state);
}

PROGRAM(data) {
	THING(thing);
	return SIZE(p->data) + 5 * LSHIFT(p->data) + 7 * RSHIFT(p->data);
}

PROGRAM(truth) {
	THING(thing);
	return ALL(p->truth);
}
