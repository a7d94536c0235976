/* Two ids for one name. */
#include "core.h"

struct two { __u32 f; };
PROGRAM(id) {
	return ID_TARGET(struct two);
}
