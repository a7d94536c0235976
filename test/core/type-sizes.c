/* Sizes of types. */
#include "core.h"

struct inner { int a; };
struct thing { int id; };
struct nowhere { int n; };
enum state { IDLE };
enum wide { LARGE = 0x100000000ULL };
typedef unsigned count_t;
typedef struct { int t_a; } anonymous_t;
PROGRAM(inner) {
	return TYPE_SIZE(struct inner);
}

PROGRAM(thing) {
	return TYPE_SIZE(struct thing);
}

PROGRAM(nowhere) {
	return TYPE_SIZE(struct nowhere);
}

PROGRAM(state) {
	return TYPE_SIZE(enum state);
}

PROGRAM(wide) {
	return TYPE_SIZE(enum wide);
}

PROGRAM(count) {
	return TYPE_SIZE(count_t);
}

PROGRAM(anonymous) {
	return TYPE_SIZE(anonymous_t);
}
