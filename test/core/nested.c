/* Fields of structs in structs. */
#include "core.h"

struct inner { int a; int b; } CORE;
struct thing { int id; struct inner inner; } CORE;
PROGRAM(first) {
	THING(thing);
	return p->inner.a;
}

PROGRAM(second) {
	THING(thing);
	return p->inner.b;
}
