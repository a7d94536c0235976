/* Values of enumerators of 64 bits. */
#include "core.h"

enum wide { SMALL = 1, LARGE = 0x100000000ULL };
enum wide_signed { LEAST = -0x100000000LL, MOST = 2 };
PROGRAM(small) {
	return VALUE(enum wide, SMALL);
}

PROGRAM(large) {
	return VALUE(enum wide, LARGE) >> 32;
}

PROGRAM(least) {
	return VALUE(enum wide_signed, LEAST) >> 32;
}

PROGRAM(most) {
	return VALUE(enum wide_signed, MOST);
}

PROGRAM(has_large) {
	return VALUE_EXISTS(enum wide, LARGE);
}
