/* A field that one version lacks decides which version is meant. */
#include "core.h"

struct thing { int only_second; __u32 flags; int id; } CORE;
PROGRAM(first) {
	THING(thing);
	return p->only_second;
}

PROGRAM(then) {
	THING(thing);
	return p->id;
}
