/* Through pointers, each step a relocation of its own. */
#include "core.h"

struct thing { struct thing *next; int id; void *data; } CORE;
PROGRAM(once) {
	THING(thing);
	return p->next->id;
}

PROGRAM(thrice) {
	THING(thing);
	return p->next->next->next->id;
}
