/* Stores of registers and of constants. */
#include "core.h"

struct thing { int id; __u32 flags; __u64 size; void *data; } CORE;
PROGRAM(of_constant) {
	THING(thing);
	p->flags = 5;
	p->size = 7;
	return 0;
}

PROGRAM(of_register) {
	THING(thing);
	p->flags = (long)ctx;
	p->size = (long)ctx;
	return 0;
}

PROGRAM(of_signed) {
	THING(thing);
	p->id = (long)ctx;
	return 0;
}

PROGRAM(of_pointer) {
	THING(thing);
	p->data = ctx;
	return 0;
}
