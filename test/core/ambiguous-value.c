/* Versions that disagree about a value. */
#include "core.h"

struct thing { int id; };
enum state { IDLE = 1, BUSY = 2 };
struct two { __u32 f; };
PROGRAM(existence) {
	return TYPE_EXISTS(struct thing) + VALUE(enum state, IDLE);
}

PROGRAM(size) {
	return TYPE_SIZE(struct two);
}

PROGRAM(value) {
	return VALUE(enum state, BUSY);
}
