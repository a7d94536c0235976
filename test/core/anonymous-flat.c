/* No anonymous level here. */
#include "core.h"

struct nest { int bottom; int level; int other; } CORE;
PROGRAM(bottom) {
	THING(nest);
	return p->bottom;
}

PROGRAM(level) {
	THING(nest);
	return p->level;
}

PROGRAM(other) {
	THING(nest);
	return p->other;
}
