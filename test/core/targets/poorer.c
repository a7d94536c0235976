/* Much is missing, or is something else. */
#include "../core.h"
enum state { IDLE, WAITING };
enum wide { SMALL = 9 };
struct inner { int a; };
typedef struct inner anonymous_t;
typedef int (*callback_t)(struct inner *in);
union thing_parts { int id; };
struct either { int i; };
struct thing {
	struct inner *id;
	int size[2];
	char name[8];
	struct inner list[2];
	struct { int x; };
	int b1;
	enum other { OTHER } state;
	int wide;
	long next;
	int count : 4;
	_Bool data;
	int grid[2];
	int tail[4];
};
struct two { struct inner f; int *g; };
struct thing_outer { int o; };
struct thing thing; struct two two; struct thing_outer outer; struct either ei; union thing_parts parts; enum wide w; callback_t cb; anonymous_t an;
