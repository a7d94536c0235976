/* Whether fields exist. */
#include "core.h"

struct inner { int a; int b; int c; } CORE;
struct thing { int id; struct inner inner; int never; int b1; } CORE;
PROGRAM(field) {
	THING(thing);
	return EXISTS(p->id);
}

PROGRAM(nested) {
	THING(thing);
	return EXISTS(p->inner.b);
}

PROGRAM(nested_missing) {
	THING(thing);
	return EXISTS(p->inner.c);
}

PROGRAM(missing) {
	THING(thing);
	return EXISTS(p->never);
}

PROGRAM(bit_field) {
	THING(thing);
	return EXISTS(p->b1);
}
