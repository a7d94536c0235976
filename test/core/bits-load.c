/* Bit fields read by plain code: the loads are relocated. */
#include "core.h"

struct two { __u32 f : 16; __u32 g : 16; } CORE;
struct bits { __u32 c : 8; __u8 d : 4, e : 4; } CORE;
PROGRAM(f) {
	THING(two);
	return p->f;
}

PROGRAM(g) {
	THING(two);
	return p->g;
}

PROGRAM(d) {
	THING(bits);
	return p->d;
}
