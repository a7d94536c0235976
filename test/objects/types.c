/* All nineteen kinds of BTF. */
#include "common.h"

#define __tag(x) __attribute__((btf_decl_tag(x)))
#define __type_tag(x) __attribute__((btf_type_tag(x)))

struct opaque;
union opaque_union;

enum colour { RED, GREEN = 5, BLUE = -1 };
enum wide { SMALL = 1, LARGE = 0x1234567890ULL };
enum wide_signed { LEAST = -0x1234567890LL, MOST = 1 };

typedef int (*callback_t)(const char *name, ...);

struct bits {
	__u32 low : 3;
	__u32 high : 29;
	int sign : 5;
	_Bool flag : 1;
	enum colour colour : 4;
};

struct everything {
	signed char small;
	_Bool truth;
	char letter;
	float ratio;
	double precise;
	struct bits bits;
	union {
		__u64 whole;
		struct {
			__u32 lo, hi;
		};
	};
	__u16 grid[2][3];
	enum colour colour;
	enum wide wide;
	enum wide_signed wide_signed;
	struct opaque *opaque;
	union opaque_union *opaque_union;
	callback_t callback;
	const volatile char *restrict text;
	int __type_tag("user") *user;
	struct everything *next;
	__int128 huge;
	__u8 tail[];
} __tag("whole");

struct __attribute__((packed)) tight {
	char c;
	__u64 v __tag("member");
};

struct everything *here;
struct tight tight;

SEC("socket")
int look(struct __sk_buff *skb)
{
	return here ? here->letter + here->bits.low + tight.c : 0;
}
