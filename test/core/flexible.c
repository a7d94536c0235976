/* Arrays without a size at the end of a struct. */
#include "core.h"

struct thing { int id; int tail[]; } CORE;
PROGRAM(first) {
	THING(thing);
	return p->tail[0];
}

PROGRAM(far) {
	THING(thing);
	return p->tail[9];
}

PROGRAM(exists) {
	THING(thing);
	return EXISTS(p->tail[100]);
}
