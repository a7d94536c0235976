/**
 * Helpers for text: parsing numbers, comparing.
 * @see https://docs.ebpf.io/linux/helper-function/bpf_strtol/
 * @module
 */
import { EINVAL, ERANGE } from '../spec/errno.ts'
import type { Cpu } from '../vm/machine.ts'
import { linuxHelper, type NamedHelper } from './definition.ts'
import { isReadable, readable, readableBytes, writable } from './memory.ts'

const BASES: ReadonlySet<number> = new Set([0, 8, 10, 16])
/** Characters, sign and blanks not counted, that are looked at. */
const DIGITS_MAX = 63
const MINUS = 0x2d

interface Parsed {
  readonly magnitude: bigint
  readonly negative: boolean
  /** Characters taken. */
  readonly length: number
}

function isSpace(c: number): boolean {
  return c === 0x20 || (c >= 9 && c <= 13) || c === 0xa0
}

function digitOf(c: number): number {
  if (c >= 0x30 && c <= 0x39) return c - 0x30
  const lower = c | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : 99
}

/** An integer at the start of a text; -EINVAL if there is none, -ERANGE if it has more than 64 bits. */
function parseInteger(bytes: Uint8Array, base: number): Parsed | number {
  let at = 0
  while (at < bytes.length && isSpace(bytes[at]!)) at++
  const negative = bytes[at] === MINUS
  if (negative) at++
  const text = bytes.subarray(at, at + DIGITS_MAX)
  let start = 0
  let radix = base
  const prefixed = text[0] === 0x30 && ((text[1] ?? 0) | 0x20) === 0x78
  if (radix === 0) {
    if (prefixed && digitOf(text[2] ?? 0) < 16) radix = 16
    else radix = text[0] === 0x30 ? 8 : 10
  }
  if (radix === 16 && prefixed) start = 2
  let end = start
  let magnitude = 0n
  let overflow = false
  for (; end < text.length; end++) {
    const digit = digitOf(text[end]!)
    if (digit >= radix) break
    magnitude = magnitude * BigInt(radix) + BigInt(digit)
    if (magnitude >> 64n !== 0n) overflow = true
  }
  if (overflow) return -ERANGE
  if (end === start) return -EINVAL
  return { magnitude, negative, length: at + end }
}

/** The argument's text as a number; `store` says which number is stored, or why none is. */
function parseArgument(
  cpu: Cpu,
  helper: string,
  [r1, r2, flags, r4]: readonly [number, number, number, number],
  store: (parsed: Parsed) => bigint | number,
): number {
  const result = writable(cpu, helper, r4, 8)
  const bytes = readableBytes(cpu, helper, r1, r2 >>> 0)
  cpu.memory.view.setBigUint64(result, 0n, true)
  if (bytes.length === 0 || cpu.argHigh(3) !== 0 || !BASES.has(flags)) return -EINVAL
  const parsed = parseInteger(bytes, flags)
  if (typeof parsed === 'number') return parsed
  const stored = store(parsed)
  if (typeof stored === 'number') return stored
  cpu.memory.view.setBigInt64(result, BigInt.asIntN(64, stored), true)
  return parsed.length
}

export const STRING_HELPERS: readonly NamedHelper[] = [
  linuxHelper('strtol', (cpu, r1, r2, r3, r4) => {
    return parseArgument(cpu, 'strtol', [r1, r2, r3, r4], ({ magnitude, negative }) => {
      const value = negative ? -magnitude : magnitude
      return BigInt.asIntN(64, value) === value ? value : -ERANGE
    })
  }),

  linuxHelper('strtoul', (cpu, r1, r2, r3, r4) => {
    return parseArgument(cpu, 'strtoul', [r1, r2, r3, r4], ({ magnitude, negative }) => {
      return negative ? -EINVAL : magnitude
    })
  }),

  linuxHelper('strncmp', (cpu, r1, r2, r3) => {
    const size = r2 >>> 0
    const a = readable(cpu, 'strncmp', r1, size)
    const b = r3 >>> 0
    const { u8 } = cpu.memory
    for (let i = 0; i < size; i++) {
      const left = u8[a + i]!
      const right = isReadable(cpu, b + i, 1) ? u8[b + i]! : 0
      if (left !== right) return left < right ? -1 : 1
      if (left === 0) return 0
    }
    return 0
  }),
]
