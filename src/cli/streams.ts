/**
 * What a command may use of the process it runs in: three streams and the environment. Tests hand in their own.
 * @module
 */
import { systemError } from '../node/index.ts'
import { EXIT } from './errors.ts'

export interface CliOutput {
  write(chunk: string | Uint8Array): void
  readonly isTTY: boolean
  /** Width of the terminal in characters, where there is one. */
  readonly columns?: number | undefined
}

export interface CliIo {
  readonly stdin: AsyncIterable<Uint8Array>
  readonly stdout: CliOutput
  readonly stderr: CliOutput
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The streams of this process. */
export function processIo(): CliIo {
  return {
    get stdin() {
      return process.stdin
    },
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    env: process.env,
  }
}

/** Streams that nobody reads any more. */
const abandoned = new WeakSet<NodeJS.WriteStream>()

function outputOf(stream: NodeJS.WriteStream): CliOutput {
  return {
    write: (chunk) => {
      if (!abandoned.has(stream)) stream.write(chunk)
    },
    isTTY: stream.isTTY === true,
    get columns() {
      return stream.columns
    },
  }
}

/**
 * What becomes of output that can go nowhere. Where whoever reads it has gone away (`anybpf … | head`), the command goes on
 * without it, so that its exit status is what it would have been. For other reasons, such as a full disk, the process ends
 * with a line on standard error.
 */
export function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') {
      abandoned.add(process.stdout)
      return
    }
    const told = systemError(error)
    process.stderr.write(`anybpf: standard output: ${told instanceof Error ? told.message : String(told)} [ERR_IO]\n`)
    process.exit(EXIT.badInput)
  })
  // Where errors themselves cannot be told, the status has to do.
  process.stderr.on('error', () => abandoned.add(process.stderr))
}

/** Text in colour for a terminal, as it is otherwise, or with `NO_COLOR` set (https://no-color.org). */
export interface Style {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
}

export function createStyle(output: CliOutput, env: CliIo['env']): Style {
  const plain = !output.isTTY || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb'
  const sgr = (on: number, off: number) => (text: string) => (plain ? text : `\x1b[${on}m${text}\x1b[${off}m`)
  return { bold: sgr(1, 22), dim: sgr(2, 22), red: sgr(31, 39), green: sgr(32, 39), yellow: sgr(33, 39) }
}
