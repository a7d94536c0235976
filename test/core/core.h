/* What the CO-RE programs share. The two sides of a relocation are NAME.c and one of targets/. */
#ifndef CORE_H
#define CORE_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;

#define PROGRAM(name) __attribute__((section("socket/" #name), used)) int name(void *ctx)
/* Accesses of its fields are relocated. */
#define CORE __attribute__((preserve_access_index))
#define THING(type) struct type *p = ctx

#define OFFSET(field) __builtin_preserve_field_info(field, 0)
#define SIZE(field) __builtin_preserve_field_info(field, 1)
#define EXISTS(field) __builtin_preserve_field_info(field, 2)
#define SIGNED(field) __builtin_preserve_field_info(field, 3)
#define LSHIFT(field) __builtin_preserve_field_info(field, 4)
#define RSHIFT(field) __builtin_preserve_field_info(field, 5)
#define ALL(field) (SIZE(field) + 3 * SIGNED(field) + 5 * LSHIFT(field) + 7 * RSHIFT(field) + 11 * EXISTS(field))

#define ID_LOCAL(type) __builtin_btf_type_id(*(type *)0, 0)
#define ID_TARGET(type) __builtin_btf_type_id(*(type *)0, 1)
#define TYPE_EXISTS(type) __builtin_preserve_type_info(*(type *)0, 0)
#define TYPE_SIZE(type) __builtin_preserve_type_info(*(type *)0, 1)
#define TYPE_MATCHES(type) __builtin_preserve_type_info(*(type *)0, 2)

#define VALUE_EXISTS(type, value) __builtin_preserve_enum_value(*(type *)value, 0)
#define VALUE(type, value) __builtin_preserve_enum_value(*(type *)value, 1)

#endif
