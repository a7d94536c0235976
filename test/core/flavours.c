/* Flavours of one struct, each with what it knows. */
#include "core.h"

struct thing___old { int id; __u32 other; } CORE;
struct thing___new { int id; __u32 flags; } CORE;
struct thing { int id; } CORE;
PROGRAM(chosen) {
	struct thing___old *o = ctx;
	struct thing___new *n = ctx;
	if (EXISTS(o->other)) return o->other;
	if (EXISTS(n->flags)) return n->flags;
	THING(thing);
	return p->id;
}
