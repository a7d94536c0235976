/* Enums of the other width. */
#include "../core.h"
enum state { IDLE = 0x100000000ULL, BUSY = 0xffffffffffffffffULL, DONE = 7 };
enum wide { SMALL = 4, LARGE = 8 };
enum wide_signed { LEAST = -9, MOST = 9 };
enum big_unsigned { TOP = -1, LOW = -0x100000000LL };
struct thing { long id; enum state state; enum wide wide; };
struct bits { enum state i : 4; };
struct thing t; struct bits b; enum wide_signed ws; enum big_unsigned bu;
