/* A union as the root. */
#include "core.h"

union either { int i; long l; } CORE;
PROGRAM(whole) {
	union either *p = ctx;
	return p->i;
}

PROGRAM(wide) {
	union either *p = ctx;
	return p->l;
}

PROGRAM(size) {
	return TYPE_SIZE(union either);
}
