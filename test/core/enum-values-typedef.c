/* An enum by its typedef, and of a flavour. */
#include "core.h"

enum state___mine { IDLE___mine = 3, BUSY = 4 };
typedef enum { IN_TYPEDEF = 1 } state_t;
PROGRAM(flavour) {
	return VALUE(enum state___mine, IDLE___mine);
}

PROGRAM(busy) {
	return VALUE(enum state___mine, BUSY);
}

PROGRAM(typedef_) {
	return VALUE_EXISTS(state_t, IN_TYPEDEF);
}
