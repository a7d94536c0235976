/* A typedef of an anonymous struct as the root. */
#include "core.h"

typedef struct { int t_a; long t_b; } CORE anonymous_t;
struct thing { anonymous_t typed; } CORE;
PROGRAM(first) {
	anonymous_t *p = ctx;
	return p->t_a;
}

PROGRAM(second) {
	anonymous_t *p = ctx;
	return p->t_b;
}

PROGRAM(inside) {
	THING(thing);
	return p->typed.t_b;
}
