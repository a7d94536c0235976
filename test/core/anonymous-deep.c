/* More anonymous levels here than there, and the other way round. */
#include "core.h"

struct nest { struct { union { struct { int bottom; }; int other; }; int level; }; int top; } CORE;
PROGRAM(bottom) {
	THING(nest);
	return p->bottom;
}

PROGRAM(level) {
	THING(nest);
	return p->level;
}

PROGRAM(top) {
	THING(nest);
	return p->top;
}

PROGRAM(other) {
	THING(nest);
	return EXISTS(p->other);
}
