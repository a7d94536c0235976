/**
 * The kernel's format strings, as far as programs may use them: what `trace_printk` and `snprintf` print.
 *
 * A conversion is `%`, flags (`-`, `+`, space, `0`), a width, and one of
 * - `d i u x X` with `l` or `ll`, and `c`;
 * - `s`, `pks`, `pus`: a string at an address;
 * - `p`, `px`, `pK`: an address (plain here; Linux disguises `p` and `pK`); `ps`, `pS`, `pB`: the symbol there;
 * - `pI4 pi4 pI6 pi6`: an IP address at an address. Letters and digits that follow a `p` conversion are dropped.
 *
 * @see https://docs.kernel.org/core-api/printk-formats.html
 * @see https://docs.ebpf.io/linux/helper-function/bpf_trace_printk/
 * @module
 */
import { EINVAL, ENOSPC } from '../spec/errno.ts'
import type { Cpu } from '../vm/machine.ts'
import { isReadable } from './memory.ts'

/** Bytes of a printed line that are made at most; what would follow is only counted. */
export const TEXT_MAX = 1024
/** Bytes that arguments may take, strings included. */
const ARGUMENT_BYTES = 512
const WIDTH_MAX = (1 << 23) - 1

const PERCENT = 0x25
const SPACE = 0x20
const ZERO = 0x30
const MINUS = 0x2d
const PLUS = 0x2b

const code = (character: string): number => character.charCodeAt(0)
const isDigit = (c: number): boolean => c >= ZERO && c <= 0x39
const isLetter = (c: number): boolean => (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a)
/** The kernel's character classes are those of Latin-1. */
const isAlphanumeric = (c: number): boolean => isDigit(c) || isLetter(c) || (c >= 0xc0 && c !== 0xd7 && c !== 0xf7)
const isSpace = (c: number): boolean => c === SPACE || (c >= 9 && c <= 13)
const isPrintable = (c: number): boolean => c >= SPACE && c <= 0x7e
const isPunctuation = (c: number): boolean => isPrintable(c) && c !== SPACE && !isDigit(c) && !isLetter(c)
/** What may follow `%s` and a bare `%p`; 0 is the end. */
const endsWord = (c: number): boolean => c === 0 || isSpace(c) || isPunctuation(c)

/** Argument `index` of the format, all 64 bits, unsigned. */
export type FormatArgument = (index: number) => bigint

/** The text, cut at the limit, and the length that it would have whole. */
export interface FormattedText {
  readonly bytes: Uint8Array
  readonly length: number
}

class TextBuilder {
  length = 0
  private readonly limit: number
  private readonly bytes: Uint8Array

  constructor(limit: number) {
    this.limit = limit
    this.bytes = new Uint8Array(limit)
  }

  push(byte: number): void {
    if (this.length < this.limit) this.bytes[this.length] = byte
    this.length++
  }

  text(text: string): void {
    for (let i = 0; i < text.length; i++) this.push(text.charCodeAt(i))
  }

  /** Text that was made beforehand: it counts only if there is room for some of it. */
  ready(text: string): void {
    if (this.length < this.limit) this.text(text)
  }

  repeat(byte: number, count: number): void {
    if (count <= 0) return
    this.bytes.fill(byte, Math.min(this.length, this.limit), Math.min(this.length + count, this.limit))
    this.length += count
  }

  /** Text with the blanks that its width asks for. */
  padded(text: string, { width, left }: Flags): void {
    if (!left) this.repeat(SPACE, width - text.length)
    this.text(text)
    if (left) this.repeat(SPACE, width - text.length)
  }

  finish(): FormattedText {
    return { bytes: this.bytes.subarray(0, Math.min(this.length, this.limit)), length: this.length }
  }
}

interface Flags {
  readonly left: boolean
  readonly plus: boolean
  readonly space: boolean
  readonly zero: boolean
  readonly width: number
}

/**
 * Formats; `format` ends before its terminating zero, and `count` is how many arguments there are. A negative errno:
 * -EINVAL for a format that is not allowed or asks for more arguments, -ENOSPC if the arguments need too much room. Of
 * the text, `limit` bytes are made at most.
 */
export function formatText(
  cpu: Cpu,
  format: Uint8Array,
  count: number,
  argument: FormatArgument,
  limit: number = TEXT_MAX,
): FormattedText | number {
  const out = new TextBuilder(limit)
  const at = (i: number): number => (i < format.length ? format[i]! : 0)
  let room = ARGUMENT_BYTES
  let used = 0
  let i = 0
  while (i < format.length) {
    const c = at(i++)
    // Text need not be ASCII (since Linux 6.18); control characters are refused.
    if (c < 0x80 && !isPrintable(c) && !isSpace(c)) return -EINVAL
    if (c !== PERCENT) {
      out.push(c)
      continue
    }
    if (at(i) === PERCENT) {
      out.push(PERCENT)
      i++
      continue
    }
    if (used >= count) return -EINVAL

    let left = false
    let plus = false
    let space = false
    let zero = false
    for (; ; i++) {
      const flag = at(i)
      if (flag === MINUS) left = true
      else if (flag === PLUS) plus = true
      else if (flag === SPACE) space = true
      else if (flag === ZERO) zero = true
      else break
    }
    let width = 0
    while (isDigit(at(i))) width = Math.min(WIDTH_MAX, width * 10 + at(i++) - ZERO)
    const flags: Flags = { left, plus, space, zero: zero && !left, width }

    const value = argument(used++)
    const conversion = at(i)
    if (conversion === code('p')) {
      const kind = String.fromCharCode(at(i + 1))
      const next = at(i + 2)
      if (endsWord(at(i + 1))) {
        room = takeAligned(room, 8)
        pointer(out, flags, value)
        i++
      } else if ((kind === 'k' || kind === 'u') && next === code('s')) {
        if (!endsWord(at(i + 3))) return -EINVAL
        if (room === 0) return -ENOSPC
        const text = stringAt(cpu, value, room)
        room -= text.length + 1
        out.ready(text)
        i += 3
      } else if ('KxsS'.includes(kind)) {
        room = takeAligned(room, 8)
        if (kind === 'K' || kind === 'x') pointer(out, flags, value)
        else out.padded(`0x${value.toString(16)}`, flags)
        i += 2
      } else if (kind === 'B') {
        const text = `0x${value.toString(16)}`
        room -= text.length + 1
        out.ready(text)
        i += 2
      } else if ((kind === 'i' || kind === 'I') && (next === code('4') || next === code('6'))) {
        const text = next === code('4') ? ipv4At(cpu, value, kind) : ipv6At(cpu, value, kind)
        if (room < (next === code('4') ? 4 : 16)) return -ENOSPC
        room -= text.length + 1
        out.ready(text)
        i += 3
      } else return -EINVAL
      while (isAlphanumeric(at(i))) i++
    } else if (conversion === code('s')) {
      if (!endsWord(at(i + 1))) return -EINVAL
      if (room <= 0) return -ENOSPC
      const text = stringAt(cpu, value, room)
      room -= text.length + 1
      out.padded(text, flags)
      i++
    } else if (conversion === code('c')) {
      if (room <= 0) return -ENOSPC
      room--
      out.padded(String.fromCharCode(Number(value & 0xffn)), flags)
      i++
    } else {
      let bits = 32
      for (let l = 0; l < 2 && at(i) === code('l'); l++) {
        bits = 64
        i++
      }
      const letter = String.fromCharCode(at(i++))
      if (!'diuxX'.includes(letter) || letter === '\0') return -EINVAL
      room = takeAligned(room, bits / 8)
      integer(out, flags, value, bits, letter)
    }
    if (room < 0) return -ENOSPC
  }
  return out.finish()
}

/** Room that is left after an argument of `size` bytes, which starts at a multiple of 4; negative if there is none. */
function takeAligned(room: number, size: number): number {
  return (room & ~3) - size
}

function integer(out: TextBuilder, flags: Flags, value: bigint, bits: number, letter: string): void {
  const signed = letter === 'd' || letter === 'i'
  const number = signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)
  const digits = (number < 0n ? -number : number).toString(letter === 'x' || letter === 'X' ? 16 : 10)
  let sign = ''
  if (number < 0n) sign = '-'
  else if (signed && flags.plus) sign = '+'
  else if (signed && flags.space) sign = ' '
  const padding = flags.width - sign.length - digits.length
  if (!flags.zero && !flags.left) out.repeat(SPACE, padding)
  out.text(sign)
  if (flags.zero) out.repeat(ZERO, padding)
  out.text(letter === 'X' ? digits.toUpperCase() : digits)
  if (flags.left) out.repeat(SPACE, padding)
}

/** Sixteen digits, or as many as the width says. */
function pointer(out: TextBuilder, flags: Flags, value: bigint): void {
  integer(out, flags.width === 0 ? { ...flags, left: false, zero: true, width: 16 } : flags, value, 64, 'x')
}

/** The string at an address, at most `room` - 1 bytes of it, one character a byte; empty if it cannot be read. */
function stringAt(cpu: Cpu, address: bigint, room: number): string {
  let text = ''
  for (let i = 0; i < room - 1; i++) {
    const at = Number(BigInt.asUintN(64, address + BigInt(i)))
    if (at > 0xffff_ffff || !isReadable(cpu, at, 1)) return ''
    const byte = cpu.memory.u8[at]!
    if (byte === 0) break
    text += String.fromCharCode(byte)
  }
  return text
}

/** Bytes at an address; zeros if they cannot be read. */
function bytesAt(cpu: Cpu, address: bigint, size: number): Uint8Array {
  const at = Number(address)
  if (at > 0xffff_ffff || !isReadable(cpu, at, size)) return new Uint8Array(size)
  return cpu.memory.u8.subarray(at, at + size)
}

function ipv4At(cpu: Cpu, address: bigint, kind: string): string {
  return [...bytesAt(cpu, address, 4)].map((byte) => String(byte).padStart(kind === 'i' ? 3 : 1, '0')).join('.')
}

function ipv6At(cpu: Cpu, address: bigint, kind: string): string {
  const digits = [...bytesAt(cpu, address, 16)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return kind === 'i' ? digits : (digits.match(/.{4}/g) ?? []).join(':')
}
