/**
 * What maps answer, by name: a negative number as the error that a host sees.
 * @module
 */
import * as errno from '../spec/errno.ts'
import { AnybpfError } from '../util/errors.ts'

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(errno).map(([name, value]) => [value, name]))

/** `E2BIG` for 7 or -7. */
export function errnoName(number: number): string {
  return NAMES.get(Math.abs(number)) ?? `errno ${Math.abs(number)}`
}

/** `map flows: update refused: E2BIG (it is full: 4 entries)` */
export function mapError(map: string, operation: string, result: number, reason?: string): AnybpfError {
  const name = errnoName(result)
  const why = reason === undefined ? '' : ` (${reason})`
  return new AnybpfError('ERR_MAP', `map ${map}: ${operation} refused: ${name}${why}`, { details: { errno: name } })
}
