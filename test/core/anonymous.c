/* Members of anonymous structs and unions. */
#include "core.h"

struct thing { int pad; union { int x; long y; }; struct { int anon_a; struct { short deep; }; }; } CORE;
PROGRAM(of_union) {
	THING(thing);
	return p->x;
}

PROGRAM(of_union_long) {
	THING(thing);
	return p->y;
}

PROGRAM(of_struct) {
	THING(thing);
	return p->anon_a;
}

PROGRAM(deep) {
	THING(thing);
	return p->deep;
}
