/* Enumerators of the upper half of 32 bits. */
#include "core.h"

enum big_unsigned { TOP = 1, LOW = 2 };
PROGRAM(top) {
	return VALUE(enum big_unsigned, TOP);
}

PROGRAM(low) {
	return VALUE(enum big_unsigned, LOW);
}
