/* Elements of arrays. */
#include "core.h"

struct inner { int a; int b; } CORE;
struct thing { char name[16]; struct inner list[4]; int grid[2][3]; } CORE;
PROGRAM(of_bytes) {
	THING(thing);
	return p->name[11];
}

PROGRAM(of_structs) {
	THING(thing);
	return p->list[1].b;
}

PROGRAM(beyond_poorer) {
	THING(thing);
	return p->list[3].a;
}

PROGRAM(of_arrays) {
	THING(thing);
	return p->grid[1][2];
}
