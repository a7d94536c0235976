/* One name, two types: kernels have such where two files define their own. */
#include "../core.h"
enum state { IDLE, BUSY, DONE = 7 };
struct inner { int a; int b; };
typedef unsigned count_t;
void first(void *p) {
	struct thing { int id; __u32 flags; __u64 size; char name[16]; enum state state; };
	struct two { __u32 f; int g; };
	struct bits { __u32 a : 1, b : 31; };
	static struct thing *volatile t; static struct two *volatile w; static struct bits *volatile b;
	t = p; w = p; b = p;
}
void second(void *p) {
	struct thing { int id; __u32 other; __u32 flags; __u64 size; struct inner name; enum state state; };
	struct two { __u32 f; int h; };
	struct bits { __u32 b : 31, a : 1; };
	static struct thing *volatile t; static struct two *volatile w; static struct bits *volatile b;
	t = p; w = p; b = p;
}
struct inner inner; count_t count;
