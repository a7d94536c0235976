/**
 * Untrusted text on a terminal: names in objects may hold anything, and output is for reading.
 * @module
 */
import { bytesToHex } from '../util/index.ts'

/** Control characters made visible, so that a name can neither break a line nor command a terminal. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (c) => `\\u${c.codePointAt(0)!.toString(16).padStart(4, '0')}`)
}

/** At most `width` characters; what is left out is shown by an ellipsis. */
export function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}

/** A value as a person would write it: `{ packets: 3, bytes: 180 }`. Bytes are hexadecimal. */
export function formatValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof Uint8Array) return bytesToHex(value)
  if (value instanceof Map) return formatValue([...value])
  if (Array.isArray(value)) return `[${value.map(formatValue).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).map(([name, field]) => `${name}: ${formatValue(field)}`)
    return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
  }
  return String(value)
}

/** Bytes as people look at them: offset, sixteen bytes, and the same as characters. */
export function formatHexDump(bytes: Uint8Array, limit = 256): string {
  let text = ''
  const end = Math.min(bytes.length, limit)
  for (let at = 0; at < end; at += 16) {
    const row = bytes.subarray(at, Math.min(at + 16, end))
    const characters = Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join(
      '',
    )
    text += `  ${at.toString(16).padStart(4, '0')}  ${bytesToHex(row, ' ').padEnd(47)}  ${characters}\n`
  }
  if (end < bytes.length) text += `  … and ${bytes.length - end} more bytes\n`
  return text
}
