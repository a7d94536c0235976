/* The root as an array. */
#include "core.h"

struct two { __u32 f; int g; } CORE;
PROGRAM(third) {
	THING(two);
	return p[2].g;
}

PROGRAM(whole) {
	THING(two);
	return SIZE(p[3]);
}

PROGRAM(address) {
	THING(two);
	return OFFSET(p[2]);
}

PROGRAM(exists) {
	THING(two);
	return EXISTS(p[1]);
}
