/* Sizes of fields. */
#include "core.h"

struct inner { int a; } CORE;
struct thing { int id; char name[16]; struct inner list[4]; struct inner inner; void *data; double ratio; } CORE;
PROGRAM(integer) {
	THING(thing);
	return SIZE(p->id);
}

PROGRAM(array) {
	THING(thing);
	return SIZE(p->name);
}

PROGRAM(element) {
	THING(thing);
	return SIZE(p->list[1]);
}

PROGRAM(structs) {
	THING(thing);
	return SIZE(p->list);
}

PROGRAM(inner) {
	THING(thing);
	return SIZE(p->inner);
}

PROGRAM(pointer) {
	THING(thing);
	return SIZE(p->data);
}

PROGRAM(ratio) {
	THING(thing);
	return SIZE(p->ratio);
}
