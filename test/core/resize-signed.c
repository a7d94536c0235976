/* Signed integers of other sizes cannot be read. */
#include "core.h"

struct thing { long id; short narrow; } CORE;
struct two { char g; } CORE;
PROGRAM(longer) {
	THING(thing);
	return p->id;
}

PROGRAM(shorter) {
	THING(thing);
	return p->narrow;
}

PROGRAM(eight) {
	THING(two);
	return p->g;
}

PROGRAM(address) {
	THING(thing);
	return (long)&p->id;
}
