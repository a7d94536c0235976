/* Ids of types, in 64-bit immediates. */
#include "core.h"

struct inner { int a; };
struct thing { int id; };
enum state { IDLE };
typedef struct { int t_a; } anonymous_t;
struct nowhere { int n; };
union either { int i; };
PROGRAM(local) {
	return ID_LOCAL(struct inner) + ID_LOCAL(enum state) + ID_LOCAL(anonymous_t) + ID_LOCAL(int);
}

PROGRAM(target) {
	return ID_TARGET(struct inner) + ID_TARGET(struct thing) + ID_TARGET(enum state) + ID_TARGET(anonymous_t);
}

PROGRAM(missing) {
	return ID_TARGET(struct nowhere) + 3 * ID_TARGET(union either);
}
