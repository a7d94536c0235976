/* Values of enumerators. */
#include "core.h"

enum state { IDLE = 40, BUSY = 41, DONE = 42, NEVER = 43 };
PROGRAM(idle) {
	return VALUE(enum state, IDLE);
}

PROGRAM(busy) {
	return VALUE(enum state, BUSY);
}

PROGRAM(done) {
	return VALUE(enum state, DONE);
}

PROGRAM(never) {
	return VALUE(enum state, NEVER);
}

PROGRAM(has_idle) {
	return VALUE_EXISTS(enum state, IDLE);
}

PROGRAM(has_done) {
	return VALUE_EXISTS(enum state, DONE);
}

PROGRAM(has_never) {
	return VALUE_EXISTS(enum state, NEVER);
}
