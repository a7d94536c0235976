/**
 * Names of BTF as names of C: what is no identifier becomes one, and no two things of one name space get the same name.
 * @module
 */

const KEYWORDS: ReadonlySet<string> = new Set(
  (
    'auto break case char const continue default do double else enum extern float for goto if inline int long register ' +
    'restrict return short signed sizeof static struct switch typedef union unsigned void volatile while ' +
    '_Alignas _Alignof _Atomic _Bool _Complex _Generic _Imaginary _Noreturn _Static_assert _Thread_local ' +
    // Extensions of clang, and what it knows without a declaration.
    'asm typeof __asm __asm__ __attribute__ __const __inline __restrict __signed __typeof __typeof__ __volatile ' +
    '__alignof __alignof__ __auto_type __extension__ __func__ __int128 __label__ __thread __real __imag __null ' +
    '_Float16 _Float128 __float128 __bf16 __fp16 __builtin_va_list __int128_t __uint128_t ' +
    // Words of C23.
    'alignas alignof nullptr static_assert thread_local typeof_unqual constexpr _BitInt _Decimal32 _Decimal64 _Decimal128'
  ).split(' '),
)

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/

/** The name itself where C takes it; otherwise one like it. */
export function toIdentifier(name: string): string {
  const text = IDENTIFIER.test(name) ? name : name.replace(/[^A-Za-z0-9_]+/g, '_').replace(/^(?=\d|$)/, '_')
  return KEYWORDS.has(text) ? `${text}_` : text
}

/** Names of tags (struct, union, enum), or of everything else: each is given out once. */
export class NameSpace {
  private readonly used = new Map<string, number>()

  /**
   * A name like this that nobody has: `NAME`, then `NAME___2`, and so on. What follows three underscores says to CO-RE
   * that a type is a flavour of another, so that programs find it under its own name.
   */
  take(name: string): string {
    const wanted = toIdentifier(name)
    let count = this.used.get(wanted) ?? 0
    for (;;) {
      count++
      const candidate = count === 1 ? wanted : `${wanted}___${count}`
      if (count > 1 && this.used.has(candidate)) continue
      this.used.set(wanted, count)
      if (count > 1) this.used.set(candidate, 1)
      return candidate
    }
  }
}
