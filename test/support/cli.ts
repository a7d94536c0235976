/**
 * Drives the command line in two ways: in this process with streams of its own, and as the built executable.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
// biome-ignore lint/correctness/useImportExtensions: the script is JavaScript, and has its types beside it
import { buildExecutables } from '../../scripts/build-executables.mjs'
import { execute } from '../../src/cli/execute.ts'
import type { CliIo } from '../../src/cli/streams.ts'

export interface CliResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  /** Standard output as bytes. */
  readonly bytes: Buffer
}

export interface CliInput {
  readonly stdin?: string | Uint8Array
  readonly tty?: boolean
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a command in this process. */
export async function cli(argv: readonly string[], input: CliInput = {}): Promise<CliResult> {
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  const output = (chunks: Buffer[]) => ({
    write: (chunk: string | Uint8Array): void => {
      chunks.push(Buffer.from(chunk as string))
    },
    isTTY: input.tty ?? false,
    columns: 100,
  })
  const io: CliIo = {
    stdin: (async function* () {
      if (input.stdin !== undefined) yield Buffer.from(input.stdin as string)
    })(),
    stdout: output(stdout),
    stderr: output(stderr),
    env: input.env ?? {},
  }
  const status = await execute(argv, io)
  const bytes = Buffer.concat(stdout)
  return { status, stdout: bytes.toString(), stderr: Buffer.concat(stderr).toString(), bytes }
}

let built: Promise<string> | undefined

/** The directory of freshly built executables: built once for a test file, removed when the process ends. */
export function builtExecutables(): Promise<string> {
  built ??= (async () => {
    const directory = mkdtempSync(join(tmpdir(), 'anybpf-dist-'))
    process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
    await buildExecutables(directory)
    return directory
  })()
  return built
}

/** Runs the built executable as a process of its own. */
export async function cliProcess(argv: readonly string[], input: CliInput = {}): Promise<CliResult> {
  const child = spawn(process.execPath, [join(await builtExecutables(), 'cli.js'), ...argv], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...input.env },
  })
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  // A command that reads no input may have ended before it could be written.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input.stdin)
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve))
  const bytes = Buffer.concat(stdout)
  return { status, stdout: bytes.toString(), stderr: Buffer.concat(stderr).toString(), bytes }
}

/** An error told as it should be: one line on standard error that ends with the code. */
export function errorLine(code: string): RegExp {
  return new RegExp(`^anybpf: [^\\n]+ \\[${code}\\]\\n$`)
}
