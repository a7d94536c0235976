/**
 * JSON out and in. Out: what JSON has no word for is written as something a reader can take back. In: integers that a
 * JavaScript number cannot hold stay exact.
 * @module
 */
import { AnybpfError, bytesToHex } from '../util/index.ts'

/**
 * One document, indented, ending with a line break. A bigint is a number where it is safe to be one and a decimal string
 * otherwise; bytes are hexadecimal text; a `Map` is a list of pairs; `undefined` is left out.
 */
export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, toPlain, 2)}\n`
}

function toPlain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return plainInteger(value)
  if (value instanceof Uint8Array) return bytesToHex(value)
  if (value instanceof Map) return [...value]
  return value
}

/** A number if it is exact, else a decimal string. */
export function plainInteger(value: bigint): number | string {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value.toString()
}

const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

// A control character may not stand in a JSON string as it is, so no text of the user's starts like this by accident.
const BIG = '\\u0000integer:'
const BIG_PARSED = '\0integer:'

/** Parses JSON; integers beyond 2^53 become bigints. Throws `ERR_USAGE` that names `what`. */
export function parseJson(text: string, what: string): unknown {
  const marked = text.replace(STRING_OR_NUMBER, (token) =>
    token.length > 15 && /^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${BIG}${token}"` : token,
  )
  try {
    return JSON.parse(marked, (_key, value: unknown) =>
      typeof value === 'string' && value.startsWith(BIG_PARSED) ? parseBig(value.slice(BIG_PARSED.length)) : value,
    )
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new AnybpfError('ERR_USAGE', `${what} is not JSON: ${reason.replace(/\\?u?0*integer:/g, '')}`)
  }
}

function parseBig(digits: string): bigint | string {
  return /^-?\d+$/.test(digits) ? BigInt(digits) : digits
}
