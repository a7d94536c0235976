/* Bit fields of all widths, some across the borders of their types. */
#include "core.h"

enum state { IDLE };
struct bits { __u32 a : 1, b : 31; __u32 c : 8; __u8 d : 4, e : 4; __u64 f : 33, g : 31; int h : 9; enum state i : 4; } CORE;
PROGRAM(of_a) {
	THING(bits);
	return OFFSET(p->a) + ALL(p->a);
}

PROGRAM(of_b) {
	THING(bits);
	return OFFSET(p->b) + ALL(p->b);
}

PROGRAM(of_c) {
	THING(bits);
	return OFFSET(p->c) + ALL(p->c);
}

PROGRAM(of_d) {
	THING(bits);
	return OFFSET(p->d) + ALL(p->d);
}

PROGRAM(of_e) {
	THING(bits);
	return OFFSET(p->e) + ALL(p->e);
}

PROGRAM(of_f) {
	THING(bits);
	return OFFSET(p->f) + ALL(p->f);
}

PROGRAM(of_g) {
	THING(bits);
	return OFFSET(p->g) + ALL(p->g);
}

PROGRAM(of_h) {
	THING(bits);
	return OFFSET(p->h) + ALL(p->h);
}

PROGRAM(of_i) {
	THING(bits);
	return OFFSET(p->i) + ALL(p->i);
}
