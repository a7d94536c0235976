/**
 * The one family of errors that anybpf throws.
 *
 * Every error has a stable `code`, a message of one line that names the thing and the place, and, where they help a
 * program to react, structured `details`. Parsers throw; the verifier returns a report; map operations answer with
 * errno-like codes of their own.
 * @module
 */

/** Stable names of what can go wrong. A new code is added here, and never renamed. */
export const ERROR_CODES = [
  'ERR_USAGE', // the caller asked for something that makes no sense
  'ERR_FORMAT', // input is not what it should be: malformed, truncated, inconsistent
  'ERR_LIMIT', // input is larger, deeper or longer than the stated limit
  'ERR_UNSUPPORTED', // well-formed, and not supported here
  'ERR_NOT_FOUND', // a name that was asked for does not exist
  'ERR_IO', // a file or stream that cannot be read or written
  'ERR_DECODE', // bytes that are not a BPF instruction
  'ERR_ENCODE', // an instruction that has no encoding (a field out of range)
  'ERR_ASSEMBLE', // assembler text that is wrong
  'ERR_ELF', // not a usable ELF file
  'ERR_BTF', // not usable BTF
  'ERR_OBJECT', // an ELF file that breaks the conventions of BPF objects
  'ERR_RELOCATION', // a relocation that cannot be applied
  'ERR_CAPTURE', // not a usable packet capture
  'ERR_PACKET', // a packet that cannot be built from these fields
  'ERR_MAP', // a map that cannot be created or used like this
  'ERR_NO_MEMORY', // the memory limit of the runtime is reached
  'ERR_BYTE_ORDER', // executing a program of the other byte order
  'ERR_LINK', // a program that cannot be made ready to run (unknown helper, unresolved symbol)
  'ERR_REJECTED', // a program that the verifier rejects
  'ERR_FAULT', // a running program did what it may not
  'ERR_BUDGET', // a running program used up its instruction budget
  'ERR_DISPOSED', // use after disposal
  'ERR_INTERNAL', // a defect in anybpf
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

export interface ErrorOptions {
  readonly details?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

/** Base of all errors of anybpf; `name` is the class's, `code` the literal to switch on. */
export class AnybpfError extends Error {
  // Said, not taken from the class: a minifier may rename that.
  override readonly name: string = 'AnybpfError'
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(oneLine(message), options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
  }
}

export function isAnybpfError(value: unknown): value is AnybpfError {
  return value instanceof AnybpfError
}

/** Closes an exhaustive `switch`: a case that was forgotten is a type error here. */
export function assertNever(value: never): never {
  throw new AnybpfError('ERR_INTERNAL', `unexpected case: ${JSON.stringify(value)}`)
}

const MAX_QUOTED = 100

/** A name from a file, as messages give it: in quotation marks, and cut where it is longer than a line has room for. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length > MAX_QUOTED ? `${name.slice(0, MAX_QUOTED)}…` : name)
}

/** Messages may quote untrusted names: line breaks and control characters are made visible. */
function oneLine(message: string): string {
  return message.replace(/[\p{Cc}\u2028\u2029]/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
