/* Addresses of fields: additions of a constant. */
#include "core.h"

struct inner { int a; int b; } CORE;
struct thing { int id; char name[16]; struct inner inner; int tail[]; } CORE;
PROGRAM(of_array) {
	THING(thing);
	return (long)p->name;
}

PROGRAM(of_struct) {
	THING(thing);
	return (long)&p->inner;
}

PROGRAM(of_nested) {
	THING(thing);
	return (long)&p->inner.b;
}

PROGRAM(of_flexible) {
	THING(thing);
	return (long)&p->tail[2];
}
