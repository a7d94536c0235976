/* Versions that disagree about bits. */
#include "core.h"

struct bits { __u32 a : 1; } CORE;
PROGRAM(exists) {
	THING(bits);
	return EXISTS(p->a);
}
