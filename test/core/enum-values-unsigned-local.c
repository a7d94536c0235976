/* The same, here: what the compiler writes and libbpf expects differ. */
#include "core.h"

enum big_unsigned { TOP = 0xfffffff0u, LOW = 1 };
PROGRAM(low) {
	return VALUE(enum big_unsigned, LOW);
}

PROGRAM(top) {
	return VALUE(enum big_unsigned, TOP);
}
