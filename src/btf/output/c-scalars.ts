/**
 * Integers and floating-point numbers in C's words, for a compiler that targets BPF.
 * @module
 */
import type { BtfFloat, BtfInt } from '../types.ts'

/** How a scalar is written, and what a compiler then makes of it. */
export interface CScalar {
  /** The type as C has it; absent where C has none and a typedef has to be made. */
  readonly spelling: string | undefined
  /** What the typedef stands for, with `@` for its name. */
  readonly definition: string
  /** Bytes. */
  readonly size: number
  readonly align: number
}

const WORDS: ReadonlySet<string> = new Set('unsigned signed char short int long __int128'.split(' '))

/** Size and sign that C gives to a spelling such as `long unsigned int`; undefined if it is none. */
function sizeOfSpelling(name: string): { size: number; signed: boolean | undefined } | undefined {
  if (name === '_Bool') return { size: 1, signed: false }
  const words = name.split(' ')
  if (!words.every((word) => WORDS.has(word))) return undefined
  const count = (word: string): number => words.filter((one) => one === word).length
  const [longs, shorts, chars, wide, ints] = [
    count('long'),
    count('short'),
    count('char'),
    count('__int128'),
    count('int'),
  ]
  const [unsigned, signed] = [count('unsigned'), count('signed')]
  const kinds = (longs > 0 ? 1 : 0) + shorts + chars + wide
  if (unsigned + signed > 1 || ints > 1 || longs > 2 || kinds > 1 || ints * (chars + wide) > 0) return undefined
  const size = longs > 0 ? 8 : shorts > 0 ? 2 : chars > 0 ? 1 : wide > 0 ? 16 : 4
  return { size, signed: chars > 0 && unsigned + signed === 0 ? undefined : unsigned === 0 }
}

const BY_SIZE: Readonly<Record<number, string>> = { 1: 'char', 2: 'short', 4: 'int', 8: 'long long', 16: '__int128' }

export function cInt(type: BtfInt): CScalar {
  const { name, size } = type
  if (type.bool && size === 1) {
    const spelling = name === '_Bool' || name === 'bool' ? '_Bool' : undefined
    return { spelling, definition: '_Bool @', size, align: 1 }
  }
  const known = sizeOfSpelling(name)
  const base = BY_SIZE[size]
  // Of no size that C has: bytes.
  if (base === undefined) return { spelling: undefined, definition: `unsigned char @[${size}]`, size, align: 1 }
  const sign = type.signed ? (size === 1 ? 'signed ' : '') : 'unsigned '
  const bySize = sign + base
  // A `long` of four bytes, which some other target had, is an `int` here.
  const spelling = known === undefined ? undefined : known.size === size ? name : bySize
  return { spelling, definition: `${bySize} @`, size, align: size }
}

export function cFloat({ name, size }: BtfFloat): CScalar {
  const spelling =
    size === 4 && name === 'float' ? 'float' : size === 8 && /^(?:long )?double$/.test(name) ? name : undefined
  if (size === 4 || size === 8)
    return { spelling, definition: `${size === 4 ? 'float' : 'double'} @`, size, align: size }
  // BPF has no others: what matters is that the room is there.
  const align = size === 2 || size === 16 ? size : 1
  const attribute = align === 1 ? '' : ` __attribute__((aligned(${align})))`
  return { spelling: undefined, definition: `struct { unsigned char bytes[${size}]; }${attribute} @`, size, align }
}
