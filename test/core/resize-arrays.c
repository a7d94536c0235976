/* Elements that have another size. */
#include "core.h"

struct thing { __u32 grid[2][3]; __u16 name[4]; unsigned long size[1]; } CORE;
PROGRAM(grid) {
	THING(thing);
	return p->grid[1][1];
}

PROGRAM(name) {
	THING(thing);
	return p->name[3];
}

PROGRAM(first) {
	THING(thing);
	return *p->name;
}
