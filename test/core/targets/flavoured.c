/* Several versions of one name: some agree, some do not, some lack what is asked for. */
#include "../core.h"
enum state { IDLE = 1, BUSY = 2 };
enum state___v2 { IDLE___v2 = 1, BUSY___v2 = 5 };
struct inner { int a; int b; };
struct thing { int id; __u32 flags; __u64 size; struct inner inner; };
struct thing___2 { int id; __u32 other; __u64 size; struct inner inner; int only_second; };
struct thing___3 { int id; __u64 flags; int only_third; int more; int only_second; };
struct two___a { __u32 f; };
struct two___b { __u32 f; int g; };
struct bits___x { __u32 pad : 3, a : 2; };
struct nest____odd { int top; };
struct ___nest { int top; };
struct nest___ { int top; };
typedef struct thing anonymous_t;
typedef int count_t___wide;
struct thing a; struct thing___2 b; struct thing___3 c; struct two___a d; struct two___b e; struct bits___x f;
struct nest____odd g; struct ___nest h; struct nest___ i; enum state j; enum state___v2 k; anonymous_t l; count_t___wide m;
