/**
 * Exit statuses, and how an error is told: one line on standard error, and with `--json` a document on standard output.
 * @module
 */
import { AnybpfError, type ErrorCode, isAnybpfError } from '../util/index.ts'
import { formatJson } from './json.ts'
import type { CliIo } from './streams.ts'

export const EXIT = {
  ok: 0,
  /** The program was rejected or faulted, or a check failed. */
  rejected: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** A file is not what it should be, or cannot be read. */
  badInput: 3,
  /** A defect in anybpf itself (`EX_SOFTWARE` of sysexits.h). */
  defect: 70,
} as const

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT]

/** An error with the file or argument that it is about, and the exit status that it ends the command with. */
export class CliError extends Error {
  readonly code: ErrorCode
  readonly exit: ExitStatus
  /** File or argument, as the user wrote it (`standard input` for `-`). */
  readonly subject: string | undefined
  readonly details: Readonly<Record<string, unknown>>

  constructor(exit: ExitStatus, code: ErrorCode, message: string, subject?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'CliError'
    this.code = code
    this.exit = exit
    this.subject = subject === '-' ? 'standard input' : subject
    this.details = detailsOf(cause)
  }
}

/** A rejected program's report is no detail of its error, lest consoles print it; in a JSON document it is. */
function detailsOf(cause: unknown): Readonly<Record<string, unknown>> {
  if (!isAnybpfError(cause)) return {}
  return 'report' in cause ? { ...cause.details, report: cause.report } : cause.details
}

export function usageError(message: string, code: ErrorCode = 'ERR_USAGE'): CliError {
  return new CliError(EXIT.usage, code, message)
}

/**
 * Runs one step of a command; an `AnybpfError` that leaves it is about `subject` and ends the command with `exit`. Other
 * errors pass through: they are defects and are told as such.
 */
export async function step<T>(exit: ExitStatus, subject: string | undefined, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isAnybpfError(error)) throw error
    const status = error.code === 'ERR_INTERNAL' ? EXIT.defect : error.code === 'ERR_USAGE' ? EXIT.usage : exit
    throw new CliError(status, error.code, error.message, subject, error)
  }
}

/** Any thrown value as a `CliError`. */
export function toCliError(error: unknown): CliError {
  if (error instanceof CliError) return error
  if (isAnybpfError(error)) return new CliError(exitOf(error.code), error.code, error.message, undefined, error)
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return new CliError(EXIT.defect, 'ERR_INTERNAL', `defect in anybpf, please report it: ${message}`, undefined, error)
}

function exitOf(code: ErrorCode): ExitStatus {
  switch (code) {
    case 'ERR_USAGE':
      return EXIT.usage
    case 'ERR_LINK':
    case 'ERR_REJECTED':
    case 'ERR_FAULT':
    case 'ERR_BUDGET':
    case 'ERR_BYTE_ORDER':
    case 'ERR_NO_MEMORY':
    case 'ERR_MAP':
      return EXIT.rejected
    case 'ERR_INTERNAL':
    case 'ERR_DISPOSED':
      return EXIT.defect
    default:
      return EXIT.badInput
  }
}

/** `prog.o: section xdp is truncated [ERR_ELF]` */
export function formatError(error: CliError): string {
  const text = error.subject === undefined ? error.message : `${error.subject}: ${error.message}`
  // `AnybpfError` cleans its message; names of files and messages of others go through the same sieve.
  return `${new AnybpfError(error.code, text).message} [${error.code}]`
}

/** What `--json` prints instead of a result. */
export interface ErrorDocument {
  readonly error: {
    readonly code: ErrorCode
    readonly message: string
    /** The file or argument that it is about. */
    readonly subject?: string
    readonly details?: Readonly<Record<string, unknown>>
  }
}

export function errorToJson(error: CliError): ErrorDocument {
  return {
    error: {
      code: error.code,
      message: error.message,
      ...(error.subject === undefined ? {} : { subject: error.subject }),
      ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
    },
  }
}

/** Tells an error: the line on standard error always, the document on standard output if `json`. */
export function reportError(error: CliError, json: boolean, io: CliIo): void {
  if (json) io.stdout.write(formatJson(errorToJson(error)))
  io.stderr.write(`anybpf: ${formatError(error)}\n`)
  if (error.exit === EXIT.defect && (io.env['ANYBPF_DEBUG'] ?? '') !== '' && error.cause instanceof Error) {
    io.stderr.write(`${error.cause.stack}\n`)
  }
}
