/* A program that is not loaded has no part in the choice. */
#include "core.h"

struct thing { int only_second; int id; __u32 flags; } CORE;
__attribute__((section("?socket/skipped"), used)) int skipped(void *ctx) {
	THING(thing);
	return p->only_second;
}

PROGRAM(loaded) {
	THING(thing);
	return p->flags;
}
