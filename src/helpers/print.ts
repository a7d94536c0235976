/**
 * Helpers that print.
 * @see https://docs.ebpf.io/linux/helper-function/bpf_trace_printk/
 * @module
 */
import { EINVAL } from '../spec/errno.ts'
import { decodeUtf8 } from '../util/index.ts'
import type { Cpu } from '../vm/machine.ts'
import { linuxHelper, type NamedHelper } from './definition.ts'
import { type FormatArgument, type FormattedText, formatText } from './format.ts'
import { isReadable, readable, readableBytes, writable } from './memory.ts'

/** Values that an array of arguments may hold. */
const ARGUMENTS_MAX = 12
const LINE_FEED = 10
/** Bytes that `snprintf` makes at most; only widths of thousands of blanks ask for more. */
const SNPRINTF_MAX = 65536

/** The format without its terminator; undefined if it has none. */
function terminated(bytes: Uint8Array): Uint8Array | undefined {
  const end = bytes.indexOf(0)
  return end < 0 ? undefined : bytes.subarray(0, end)
}

/** Prints a line: up to a zero byte, without a line feed at its end. Returns its length. */
function printLine(cpu: Cpu, text: FormattedText | number): number {
  if (typeof text === 'number') return text
  let line = terminated(text.bytes) ?? text.bytes
  if (line.at(-1) === LINE_FEED) line = line.subarray(0, -1)
  cpu.print(decodeUtf8(line))
  return text.length
}

/** The values of an array of `size` bytes; -EINVAL if it cannot be one. */
function argumentArray(cpu: Cpu, helper: string, address: number, size: number): FormatArgument | number {
  if (size % 8 !== 0 || size > 8 * ARGUMENTS_MAX || (size > 0 && address === 0)) return -EINVAL
  const start = readable(cpu, helper, address, size)
  return (index) => cpu.memory.view.getBigUint64(start + 8 * index, true)
}

export const PRINT_HELPERS: readonly NamedHelper[] = [
  linuxHelper('trace_printk', (cpu, r1, r2, r3, r4, r5) => {
    const format = terminated(readableBytes(cpu, 'trace_printk', r1, r2 >>> 0))
    if (format === undefined) return -EINVAL
    const low = [r3, r4, r5]
    const text = formatText(cpu, format, 3, (i) => (BigInt(cpu.argHigh(3 + i) >>> 0) << 32n) | BigInt(low[i]! >>> 0))
    return printLine(cpu, text)
  }),

  linuxHelper('trace_vprintk', (cpu, r1, r2, r3, r4) => {
    const bytes = readableBytes(cpu, 'trace_vprintk', r1, r2 >>> 0)
    const values = argumentArray(cpu, 'trace_vprintk', r3, r4 >>> 0)
    if (typeof values === 'number') return values
    const format = terminated(bytes)
    return format === undefined ? -EINVAL : printLine(cpu, formatText(cpu, format, (r4 >>> 0) / 8, values))
  }),

  linuxHelper('snprintf', (cpu, r1, r2, r3, r4, r5) => {
    const size = r2 >>> 0
    const to = writable(cpu, 'snprintf', r1, size)
    const values = argumentArray(cpu, 'snprintf', r4, r5 >>> 0)
    if (typeof values === 'number') return values
    const start = readable(cpu, 'snprintf', r3, 1)
    let end = start
    while (isReadable(cpu, end, 1) && cpu.memory.u8[end] !== 0) end++
    const text = formatText(
      cpu,
      cpu.memory.u8.subarray(start, end),
      (r5 >>> 0) / 8,
      values,
      Math.min(size, SNPRINTF_MAX),
    )
    if (typeof text === 'number') return text
    if (size > 0) {
      const kept = text.bytes.subarray(0, Math.min(text.bytes.length, size - 1))
      cpu.memory.u8.set(kept, to)
      cpu.memory.u8[to + kept.length] = 0
    }
    return text.length + 1
  }),
]
