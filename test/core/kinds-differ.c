/* Fields of the same name and another kind. */
#include "core.h"

struct inner { int a; } CORE;
struct thing { void *id; int inner; struct inner *flags; int name; struct inner state; } CORE;
PROGRAM(pointer) {
	THING(thing);
	return (long)p->id;
}

PROGRAM(struct_) {
	THING(thing);
	return p->inner;
}

PROGRAM(integer) {
	THING(thing);
	return EXISTS(p->flags);
}

PROGRAM(array) {
	THING(thing);
	return EXISTS(p->name);
}

PROGRAM(enum_) {
	THING(thing);
	return EXISTS(p->state);
}
