/* Enums as fields: by name. */
#include "core.h"

enum other { ONE };
enum state___mine { A };
struct thing { enum other state; } CORE;
struct thing___mine { enum state___mine state; int wide; } CORE;
PROGRAM(wrong_name) {
	THING(thing);
	return EXISTS(p->state);
}

PROGRAM(flavoured) {
	THING(thing___mine);
	return EXISTS(p->state);
}

PROGRAM(no_enum) {
	THING(thing___mine);
	return EXISTS(p->wide);
}

PROGRAM(read) {
	THING(thing___mine);
	return p->state;
}
