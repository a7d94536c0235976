/**
 * The parts of the C headers that no table has: types, macros, constants.
 * @module
 */

/** Widths are those of clang's BPF target. */
export const TYPES = `
typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;

typedef __u16 __le16;
typedef __u16 __be16;
typedef __u32 __le32;
typedef __u32 __be32;
typedef __u64 __le64;
typedef __u64 __be64;
typedef __u16 __sum16;
typedef __u32 __wsum;
`

export const UAPI_CONSTANTS = `
/* Of bpf_map_update_elem. */
enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_EXIST = 2,
	BPF_F_LOCK = 4,
};

#define BPF_F_RECOMPUTE_CSUM (1ULL << 0)
#define BPF_F_INVALIDATE_HASH (1ULL << 1)
#define BPF_F_HDR_FIELD_MASK 0xfULL
#define BPF_F_PSEUDO_HDR (1ULL << 4)
#define BPF_F_MARK_MANGLED_0 (1ULL << 5)
#define BPF_F_MARK_ENFORCE (1ULL << 6)
#define BPF_F_INGRESS (1ULL << 0)
#define BPF_F_SKIP_FIELD_MASK 0xffULL
#define BPF_F_USER_STACK (1ULL << 8)
#define BPF_F_INDEX_MASK 0xffffffffULL
#define BPF_F_CURRENT_CPU BPF_F_INDEX_MASK
#define BPF_F_CTXLEN_MASK (0xfffffULL << 32)
#define BPF_F_CURRENT_NETNS (-1L)

#define BPF_RB_NO_WAKEUP (1ULL << 0)
#define BPF_RB_FORCE_WAKEUP (1ULL << 1)

enum {
	BPF_RB_AVAIL_DATA = 0,
	BPF_RB_RING_SIZE = 1,
	BPF_RB_CONS_POS = 2,
	BPF_RB_PROD_POS = 3,
};

enum bpf_hdr_start_off {
	BPF_HDR_START_MAC,
	BPF_HDR_START_NET,
};

enum bpf_adj_room_mode {
	BPF_ADJ_ROOM_NET,
	BPF_ADJ_ROOM_MAC,
};

/* What lies in map values for the kernel's own use. */
struct bpf_spin_lock {
	__u32 val;
};

struct bpf_timer {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_dynptr {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

/* The key of a longest-prefix-match trie begins with this. */
struct bpf_lpm_trie_key {
	__u32 prefixlen;
	__u8 data[0];
};
`

export const HELPERS = `
/* What vmlinux.h defines, too, is the same. */
#include <linux/types.h>
#include <bpf/bpf_helper_defs.h>

/* Maps: members of a structure in section ".maps", whose types say what is meant. */
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]
#define __ulong(name, val) enum { ___bpf_unique(name) = val } name
#define ___bpf_join(a, b) a##b
#define ___bpf_paste(a, b) ___bpf_join(a, b)
#define ___bpf_unique(name) ___bpf_paste(__unique_value_of_##name##_, __COUNTER__)

enum libbpf_pin_type {
	LIBBPF_PIN_NONE,
	LIBBPF_PIN_BY_NAME,
};

enum libbpf_tristate {
	TRI_NO = 0,
	TRI_YES = 1,
	TRI_MODULE = 2,
};

/* What a function or variable is, by the section that it is put into: "xdp", "tc", ".maps", "license" … */
#define SEC(name) __attribute__((section(name), used))

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#ifndef __weak
#define __weak __attribute__((weak))
#endif
#define __hidden __attribute__((visibility("hidden")))
#define __kconfig __attribute__((section(".kconfig")))
#define __ksym __attribute__((section(".ksyms")))
#define __kptr __attribute__((btf_type_tag("kptr")))
#define __kptr_untrusted __attribute__((btf_type_tag("kptr_untrusted")))
#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))
#define __arg_ctx __attribute__((btf_decl_tag("arg:ctx")))
#define __arg_nonnull __attribute__((btf_decl_tag("arg:nonnull")))
#define __arg_nullable __attribute__((btf_decl_tag("arg:nullable")))
#define __arg_trusted __attribute__((btf_decl_tag("arg:trusted")))
#define __arg_arena __attribute__((btf_decl_tag("arg:arena")))

#ifndef NULL
#define NULL ((void *)0)
#endif
#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif
#ifndef container_of
#define container_of(ptr, type, member) ((type *)((void *)(ptr) - offsetof(type, member)))
#endif
#ifndef KERNEL_VERSION
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))
#endif

/* Keeps the compiler from moving memory accesses across, and from knowing a value. */
#define barrier() __asm__ __volatile__("" : : : "memory")
#define barrier_var(var) __asm__ __volatile__("" : "+r"(var))

/* The format is a constant of its own; at most three values go without a buffer, and up to twelve in one. */
#define ___bpf_nth(_0, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, n, ...) n
#define ___bpf_count(...) ___bpf_nth(0, ##__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define ___bpf_few(fmt, args...)                                        \\
	({                                                              \\
		static const char ____fmt[] = fmt;                      \\
		bpf_trace_printk(____fmt, sizeof(____fmt), ##args);     \\
	})
#define ___bpf_many(fmt, args...)                                       \\
	({                                                              \\
		static const char ____fmt[] = fmt;                      \\
		unsigned long long ____values[] = { ___bpf_wide(args) }; \\
		bpf_trace_vprintk(____fmt, sizeof(____fmt), ____values, sizeof(____values)); \\
	})
#define ___bpf_w4(a, b, c, d) (unsigned long long)(a), (unsigned long long)(b), (unsigned long long)(c), (unsigned long long)(d)
#define ___bpf_w5(a, args...) (unsigned long long)(a), ___bpf_w4(args)
#define ___bpf_w6(a, args...) (unsigned long long)(a), ___bpf_w5(args)
#define ___bpf_w7(a, args...) (unsigned long long)(a), ___bpf_w6(args)
#define ___bpf_w8(a, args...) (unsigned long long)(a), ___bpf_w7(args)
#define ___bpf_w9(a, args...) (unsigned long long)(a), ___bpf_w8(args)
#define ___bpf_w10(a, args...) (unsigned long long)(a), ___bpf_w9(args)
#define ___bpf_w11(a, args...) (unsigned long long)(a), ___bpf_w10(args)
#define ___bpf_w12(a, args...) (unsigned long long)(a), ___bpf_w11(args)
#define ___bpf_wide(args...) ___bpf_paste(___bpf_w, ___bpf_count(args))(args)
#define ___bpf_print(args...)                                           \\
	___bpf_nth(0, ##args, many, many, many, many, many, many, many, many, many, few, few, few, few)
#define bpf_printk(fmt, args...) ___bpf_paste(___bpf_, ___bpf_print(args))(fmt, ##args)
`

export const ENDIAN = `
/* From and to network byte order; constants are swapped by the compiler. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define bpf_htons(x) ((__be16)__builtin_bswap16(x))
#define bpf_ntohs(x) ((__u16)__builtin_bswap16(x))
#define bpf_htonl(x) ((__be32)__builtin_bswap32(x))
#define bpf_ntohl(x) ((__u32)__builtin_bswap32(x))
#define bpf_cpu_to_be64(x) ((__be64)__builtin_bswap64(x))
#define bpf_be64_to_cpu(x) ((__u64)__builtin_bswap64(x))
#else
#define bpf_htons(x) ((__be16)(x))
#define bpf_ntohs(x) ((__u16)(x))
#define bpf_htonl(x) ((__be32)(x))
#define bpf_ntohl(x) ((__u32)(x))
#define bpf_cpu_to_be64(x) ((__be64)(x))
#define bpf_be64_to_cpu(x) ((__u64)(x))
#endif
`

export const CORE_READ = `
#include <bpf/bpf_helpers.h>

/* What a loader puts in for the kernel that it finds: the numbers are clang's, for its relocations of fields, types and values. */
enum {
	BPF_FIELD_BYTE_OFFSET = 0,
	BPF_FIELD_BYTE_SIZE = 1,
	BPF_FIELD_EXISTS = 2,
	BPF_FIELD_SIGNED = 3,
	BPF_FIELD_LSHIFT_U64 = 4,
	BPF_FIELD_RSHIFT_U64 = 5,
};

#define ___bpf_field1(field) (field)
#define ___bpf_field2(type, field) (((typeof(type) *)0)->field)
#define ___bpf_field_nth(_1, _2, n, ...) n
#define ___bpf_field(args...) ___bpf_field_nth(args, ___bpf_field2, ___bpf_field1)(args)

/* Of a field: p->member, or a type and its member. */
#define bpf_core_field_exists(field...) __builtin_preserve_field_info(___bpf_field(field), BPF_FIELD_EXISTS)
#define bpf_core_field_size(field...) __builtin_preserve_field_info(___bpf_field(field), BPF_FIELD_BYTE_SIZE)
#define bpf_core_field_offset(field...) __builtin_preserve_field_info(___bpf_field(field), BPF_FIELD_BYTE_OFFSET)

#define bpf_core_type_exists(type) __builtin_preserve_type_info(*(typeof(type) *)0, 0)
#define bpf_core_type_size(type) __builtin_preserve_type_info(*(typeof(type) *)0, 1)
#define bpf_core_type_matches(type) __builtin_preserve_type_info(*(typeof(type) *)0, 2)
#define bpf_core_type_id_local(type) __builtin_btf_type_id(*(typeof(type) *)0, 0)
#define bpf_core_type_id_kernel(type) __builtin_btf_type_id(*(typeof(type) *)0, 1)
#define bpf_core_enum_value_exists(type, value) __builtin_preserve_enum_value(*(typeof(type) *)value, 0)
#define bpf_core_enum_value(type, value) __builtin_preserve_enum_value(*(typeof(type) *)value, 1)

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __attribute__((weak, section(".ksyms")));
#define bpf_core_cast(ptr, type) ((typeof(type) *)bpf_rdonly_cast((ptr), bpf_core_type_id_kernel(type)))

/* Copies from kernel memory what lies at an address that the loader moves to where the member is. */
#define bpf_core_read(dst, size, src) \\
	bpf_probe_read_kernel(dst, size, (const void *)__builtin_preserve_access_index(src))
#define bpf_core_read_str(dst, size, src) \\
	bpf_probe_read_kernel_str(dst, size, (const void *)__builtin_preserve_access_index(src))

/* BPF_CORE_READ(p, a, b, c) is p->a->b->c, each pointer read by the helper. */
#define ___bpf_last_step(dst, from, member) bpf_core_read((void *)(dst), sizeof(*(dst)), &(from)->member)
#define ___bpf_step(from, member)                                       \\
	({                                                              \\
		typeof((from)->member) ___next;                         \\
		bpf_core_read(&___next, sizeof(___next), &(from)->member); \\
		___next;                                                \\
	})
#define ___bpf_into1(dst, p, a) ___bpf_last_step(dst, p, a)
#define ___bpf_into2(dst, p, a, args...) ({ typeof((p)->a) ___p2 = ___bpf_step(p, a); ___bpf_into1(dst, ___p2, args); })
#define ___bpf_into3(dst, p, a, args...) ({ typeof((p)->a) ___p3 = ___bpf_step(p, a); ___bpf_into2(dst, ___p3, args); })
#define ___bpf_into4(dst, p, a, args...) ({ typeof((p)->a) ___p4 = ___bpf_step(p, a); ___bpf_into3(dst, ___p4, args); })
#define ___bpf_into5(dst, p, a, args...) ({ typeof((p)->a) ___p5 = ___bpf_step(p, a); ___bpf_into4(dst, ___p5, args); })
#define ___bpf_into6(dst, p, a, args...) ({ typeof((p)->a) ___p6 = ___bpf_step(p, a); ___bpf_into5(dst, ___p6, args); })
#define ___bpf_type1(p, a) typeof((p)->a)
#define ___bpf_type2(p, a, b) typeof((p)->a->b)
#define ___bpf_type3(p, a, b, c) typeof((p)->a->b->c)
#define ___bpf_type4(p, a, b, c, d) typeof((p)->a->b->c->d)
#define ___bpf_type5(p, a, b, c, d, e) typeof((p)->a->b->c->d->e)
#define ___bpf_type6(p, a, b, c, d, e, f) typeof((p)->a->b->c->d->e->f)
#define BPF_CORE_READ_INTO(dst, p, args...) ___bpf_paste(___bpf_into, ___bpf_count(args))(dst, p, args)
#define BPF_CORE_READ(p, args...)                                       \\
	({                                                              \\
		___bpf_paste(___bpf_type, ___bpf_count(args))(p, args) ___value; \\
		BPF_CORE_READ_INTO(&___value, p, args);                 \\
		___value;                                               \\
	})
`
