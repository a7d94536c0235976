/* Whether types exist, by name and kind. */
#include "core.h"

struct inner { int a; };
struct nowhere { int n; };
union either { int i; };
struct either___s { int i; };
enum state { IDLE };
typedef unsigned count_t;
typedef struct { int t_a; } anonymous_t;
typedef int (*callback_t)(struct inner *in, long n);
typedef long (*callback_t___other)(void);
typedef struct inner *count_t___pointer;
PROGRAM(inner) {
	return TYPE_EXISTS(struct inner);
}

PROGRAM(nowhere) {
	return TYPE_EXISTS(struct nowhere);
}

PROGRAM(either) {
	return TYPE_EXISTS(union either);
}

PROGRAM(either_struct) {
	return TYPE_EXISTS(struct either___s);
}

PROGRAM(state) {
	return TYPE_EXISTS(enum state);
}

PROGRAM(count) {
	return TYPE_EXISTS(count_t);
}

PROGRAM(anonymous) {
	return TYPE_EXISTS(anonymous_t);
}

PROGRAM(callback) {
	return TYPE_EXISTS(callback_t);
}

PROGRAM(callback_other) {
	return TYPE_EXISTS(callback_t___other);
}

PROGRAM(count_pointer) {
	return TYPE_EXISTS(count_t___pointer);
}
