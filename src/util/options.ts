/**
 * Options as JavaScript may hand them in: a name that is none, or a value that an option cannot have, is an error and not ignored.
 * @module
 */
import { AnybpfError } from './errors.ts'

/** What an option may be, in words, and the test for it. */
export interface OptionKind {
  readonly wants: string
  readonly test: (value: unknown) => boolean
}

/** The options that there are, by name. */
export type OptionTable<Options> = { readonly [Name in keyof Required<Options>]: OptionKind }

/** Its value is tested elsewhere. */
export const ANYTHING: OptionKind = { wants: 'anything', test: () => true }
export const BOOLEAN: OptionKind = { wants: 'true or false', test: (value) => typeof value === 'boolean' }
export const FUNCTION: OptionKind = { wants: 'a function', test: (value) => typeof value === 'function' }
export const TEXT: OptionKind = { wants: 'a text', test: (value) => typeof value === 'string' }
export const COUNT: OptionKind = {
  wants: 'a whole number, 0 or more',
  test: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
}
export const NUMBER: OptionKind = { wants: 'a number', test: (value) => typeof value === 'number' }
export const OBJECT: OptionKind = {
  wants: 'an object',
  test: (value) => typeof value === 'object' && value !== null,
}
export const LIST: OptionKind = { wants: 'an array', test: (value) => Array.isArray(value) }

export function oneOf(...values: readonly (string | number)[]): OptionKind {
  return {
    wants: values.map((value) => JSON.stringify(value)).join(' or '),
    test: (value) => values.includes(value as never),
  }
}

export function either(first: OptionKind, second: OptionKind): OptionKind {
  return { wants: `${first.wants}, or ${second.wants}`, test: (value) => first.test(value) || second.test(value) }
}

/** Throws ERR_USAGE for what is no option of `table`, or has a value that is none. An option that is undefined is not given. */
export function checkOptions<Options extends object>(
  where: string,
  options: Options,
  table: OptionTable<Options>,
): void {
  if (typeof options !== 'object' || options === null) {
    throw new AnybpfError('ERR_USAGE', `${where}: options are an object, not ${told(options)}`)
  }
  for (const name in options) {
    const value: unknown = options[name]
    if (!Object.hasOwn(table, name)) {
      const known = Object.keys(table).join(', ')
      throw new AnybpfError('ERR_USAGE', `${where}: there is no option ${told(name)}; there are ${known}`)
    }
    const { wants, test } = table[name]
    if (value === undefined || test(value)) continue
    throw new AnybpfError('ERR_USAGE', `${where}: ${name} is ${wants}, not ${told(value)}`)
  }
}

function told(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.slice(0, 60))
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object'
    case 'function':
      return 'a function'
    default:
      return String(value)
  }
}
