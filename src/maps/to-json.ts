/**
 * Decoded values as JSON, for people and programs that read the command line's output.
 * @module
 */
import { bytesToHex } from '../util/bytes.ts'

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/** Deeper than any decoded value is. */
const MAX_DEPTH = 200

/**
 * The value in what JSON has: a bigint as a number where that is exact, else as decimal text; bytes as hexadecimal text; a number
 * that is not finite as text; what JSON has no place for as null.
 */
export function toJson(value: unknown): Json {
  return convert(value, 0)
}

function convert(value: unknown, depth: number): Json {
  switch (typeof value) {
    case 'boolean':
    case 'string':
      return value
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'bigint': {
      const number = Number(value)
      return Number.isSafeInteger(number) ? number : value.toString()
    }
    case 'object':
      break
    default:
      return null
  }
  if (value === null || depth > MAX_DEPTH) return null
  if (value instanceof Uint8Array) return bytesToHex(value)
  if (Array.isArray(value)) return value.map((item) => convert(item, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, convert(item, depth + 1)]))
}

/** The value on one line, as `JSON.stringify` writes what `toJson` makes of it. */
export function formatValue(value: unknown): string {
  return JSON.stringify(toJson(value))
}
