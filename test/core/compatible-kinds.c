/* Fields of kinds that stand for each other. */
#include "core.h"

enum other { ONE };
union inner { int a; } CORE;
struct thing { union inner inner; float ratio; enum { LOCAL } state; char count; long *data; int (*call)(void); } CORE;
PROGRAM(union_) {
	THING(thing);
	return EXISTS(p->inner);
}

PROGRAM(ratio) {
	THING(thing);
	return EXISTS(p->ratio);
}

PROGRAM(enum_) {
	THING(thing);
	return EXISTS(p->state);
}

PROGRAM(integer) {
	THING(thing);
	return EXISTS(p->count);
}

PROGRAM(pointer) {
	THING(thing);
	return EXISTS(p->data);
}

PROGRAM(function) {
	THING(thing);
	return EXISTS(p->call);
}
