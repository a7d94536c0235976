/* Qualifiers on either side. */
#include "core.h"

struct inner { int a; int b; } CORE;
struct thing { const struct inner inner; volatile __u64 size; const volatile __u64 *restrict cv; } CORE;
PROGRAM(of_const) {
	THING(thing);
	return p->inner.a;
}

PROGRAM(of_volatile) {
	THING(thing);
	return p->size;
}

PROGRAM(of_pointer) {
	THING(thing);
	return *p->cv;
}
