/* Names that look like flavours. */
#include "core.h"

struct nest { int top; } CORE;
struct nest____odd { int top; } CORE;
struct ___nest { int top; } CORE;
struct nest___ { int top; } CORE;
struct nest___a___b { int top; } CORE;
PROGRAM(plain) {
	THING(nest);
	return EXISTS(p->top) + p->top;
}

PROGRAM(four) {
	THING(nest____odd);
	return EXISTS(p->top) + p->top;
}

PROGRAM(leading) {
	THING(___nest);
	return EXISTS(p->top) + p->top;
}

PROGRAM(trailing) {
	THING(nest___);
	return EXISTS(p->top) + p->top;
}

PROGRAM(two) {
	THING(nest___a___b);
	return EXISTS(p->top) + p->top;
}
