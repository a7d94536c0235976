/* What is hard to write as C again: every layout here has to come back with the same sizes and offsets. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

struct holes { u8 a; u32 b; u8 c; u64 d; u8 e; };
struct __attribute__((packed)) tight { u8 a; u32 b; u64 c; u8 d; };
struct __attribute__((packed)) tight_bits { u8 a : 3; u32 b : 30; u64 c : 40; u8 d; u16 e : 9; };
struct packed_aligned { struct tight t; u32 x; } __attribute__((packed, aligned(2)));
struct aligned_struct { u8 a; } __attribute__((aligned(64)));
struct aligned_member { u8 a; u8 b __attribute__((aligned(16))); u32 c; };
struct holds_aligned { u8 a; struct aligned_struct s; u8 b; struct aligned_struct t[2]; };
struct bits { u32 a : 1; u32 : 0; u32 b : 5; int c : 7; u64 d : 33; u8 e : 3; _Bool f : 1; u32 g : 31; u64 h : 64; };
struct bit_gaps { u32 a : 3; u32 : 4; u32 b : 3; u64 : 20; u64 c : 10; u16 : 5; u16 d : 11; };
struct after_bits { u8 a : 1; u8 b; u32 c : 4; u16 d; u8 e : 7; u64 f; };
struct mixed { char c; int b : 4; short s; long l : 40; char t; };
struct empty {};
struct holds_empty { u32 a; struct empty e; u32 b; };
struct padding_only { long : 64; int : 32; u8 last; };
struct flexible { u32 n; u64 values[]; };
struct flexible_in { u32 n; struct { u8 kind; u16 text[]; }; };
struct zero { u32 a; u8 none[0]; u32 b; };

union plain { u8 a; u32 b; u64 c[2]; };
union __attribute__((packed)) packed_union { u8 a; u32 b; u8 five[5]; };
union aligned_union { u8 a; } __attribute__((aligned(32)));
union bit_union { u32 a : 3; u64 b : 50; u8 c; };
union padded { struct { u32 a; u8 b; } __attribute__((packed)) s; u8 t[7]; };

struct anonymous {
	union { u64 whole; struct { u32 lo, hi; }; struct { u16 a, b; union { u8 deep[4]; u32 deeper; }; } named; };
	struct __attribute__((packed)) { u8 x; u32 y; };
	struct { u32 inner : 4; u32 more : 28; } bits[3];
};

enum small { SMALL_A, SMALL_B } __attribute__((mode(byte)));
enum middle { MIDDLE_A = -1, MIDDLE_B = 3 } __attribute__((mode(HI)));
enum wide { WIDE_A = 1, WIDE_B = 0x1234567890ULL };
enum wide_signed { WS_A = -0x7fffffffffffffffLL - 1, WS_B = 0x7fffffffffffffffLL };
enum word { WORD_A } __attribute__((mode(word)));
enum top { TOP_A = 0xffffffffu, TOP_B = 1 };
struct enums { enum small a; enum middle b; enum wide c; enum wide_signed d; enum word e; enum top f; enum { IN_A, IN_B } g; enum small h : 2; };

struct forward;
union forward_union;
struct cycle_b;
struct cycle_a { struct cycle_b *b; struct forward *f; union forward_union **u; };
struct cycle_b { struct cycle_a a; struct cycle_b *self; };
typedef struct cycle_c cycle_t;
struct cycle_c { cycle_t *next; cycle_t *(*step)(cycle_t *, struct cycle_d { u32 x; } *); };
typedef struct { struct cycle_a *a; int n; } anonymous_t;
typedef anonymous_t *anonymous_p;
typedef anonymous_t anonymous_array[3];
struct uses { anonymous_t a; anonymous_p p; anonymous_array list; const anonymous_array constants; };

typedef int (*callback_t)(const char *, struct uses *, ...);
typedef void function_t(void);
typedef callback_t (*returns_t)(function_t *, int (*)[4]);
struct functions {
	callback_t a;
	function_t *b;
	returns_t c[2];
	void (*(*d)(int, void (*)(struct functions *)))(long);
	int (*e)(int (*)(void), const volatile int *restrict);
	const char *const *const f;
	int (*g)[3][4];
	int *h[3];
	struct aligned_struct (*i)[2];
	const volatile void *j;
};

struct flavour { u32 a; };
struct flavour___old { u64 a; };
struct names { int class; int int_; int template; int this; };
struct same { int a; };
typedef struct same same;
typedef u64 enum_like;
struct numbers { float f; double d; __int128 i; unsigned __int128 u; u8 x; __int128 y; long l; unsigned long m; _Bool b; char c; signed char s; };
struct tagged { int __attribute__((btf_type_tag("user"))) *u; int __attribute__((btf_type_tag("rcu"))) *const *v; };

struct all {
	struct holes a1; struct tight a2; struct tight_bits a3; struct packed_aligned a4; struct aligned_struct a5;
	struct aligned_member a6; struct holds_aligned a7; struct bits a8; struct bit_gaps a9; struct after_bits a10;
	struct mixed a11; struct holds_empty a12; struct padding_only a13; struct zero a14; union plain a15;
	union packed_union a16; union aligned_union a17; union bit_union a18; union padded a19; struct anonymous a20;
	struct enums a21; struct cycle_b a22; cycle_t a23; struct uses a24; struct functions a25; struct flavour a26;
	struct flavour___old a27; struct names a28; same a29; enum_like a30; struct numbers a31; struct tagged a32;
	struct flexible *a33; struct flexible_in *a34;
};
struct all all;
