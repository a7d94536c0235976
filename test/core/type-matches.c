/* Whether types have all that these have. */
#include "core.h"

struct inner { int a; int b; };
struct inner___less { int a; };
struct inner___more { int a; int b; int c; };
struct inner___other { unsigned a; int b; };
struct two { __u32 f; int g; };
union either { long l; int i; };
enum state { IDLE, BUSY };
enum state___more { IDLE___more, SLEEPING };
enum wide { SMALL, LARGE = 0x100000000ULL };
struct nowhere { int n; };
typedef int (*callback_t)(struct inner *in, long n);
typedef int (*callback_t___short)(struct inner *in);
typedef unsigned count_t;
PROGRAM(inner) {
	return TYPE_MATCHES(struct inner);
}

PROGRAM(less) {
	return TYPE_MATCHES(struct inner___less);
}

PROGRAM(more) {
	return TYPE_MATCHES(struct inner___more);
}

PROGRAM(other) {
	return TYPE_MATCHES(struct inner___other);
}

PROGRAM(two) {
	return TYPE_MATCHES(struct two);
}

PROGRAM(either) {
	return TYPE_MATCHES(union either);
}

PROGRAM(state) {
	return TYPE_MATCHES(enum state);
}

PROGRAM(state_more) {
	return TYPE_MATCHES(enum state___more);
}

PROGRAM(wide) {
	return TYPE_MATCHES(enum wide);
}

PROGRAM(nowhere) {
	return TYPE_MATCHES(struct nowhere);
}

PROGRAM(callback) {
	return TYPE_MATCHES(callback_t);
}

PROGRAM(callback_short) {
	return TYPE_MATCHES(callback_t___short);
}

PROGRAM(count) {
	return TYPE_MATCHES(count_t);
}
