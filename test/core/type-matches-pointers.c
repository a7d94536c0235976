/* Behind pointers, names are enough. */
#include "core.h"

struct inner;
struct inner___full { int a; int zzz; };
struct opaque;
union opaque___union { int u; };
struct pointers { struct inner *in; const char *text; };
struct pointers___full { struct inner___full *in; };
struct pointers___fn { int (*fn)(int); };
struct pointers___fn2 { int (*fn)(long); };
struct pointers___o { struct opaque *o; };
struct pointers___u { union opaque___union *o; };
struct thing { char name[16]; };
struct thing___array { char name[15]; };
struct thing___list { struct inner___full list[4]; };
struct thing___grid { int grid[2][3]; };
PROGRAM(pointers) {
	return TYPE_MATCHES(struct pointers);
}

PROGRAM(full) {
	return TYPE_MATCHES(struct pointers___full);
}

PROGRAM(fn) {
	return TYPE_MATCHES(struct pointers___fn);
}

PROGRAM(fn2) {
	return TYPE_MATCHES(struct pointers___fn2);
}

PROGRAM(o) {
	return TYPE_MATCHES(struct pointers___o);
}

PROGRAM(u) {
	return TYPE_MATCHES(struct pointers___u);
}

PROGRAM(name) {
	return TYPE_MATCHES(struct thing);
}

PROGRAM(array) {
	return TYPE_MATCHES(struct thing___array);
}

PROGRAM(list) {
	return TYPE_MATCHES(struct thing___list);
}

PROGRAM(grid) {
	return TYPE_MATCHES(struct thing___grid);
}
