/**
 * Files and standard streams as the rest of anybpf wants them: bytes in with a limit, bytes out all or nothing.
 *
 * The name `-` is standard input or standard output. Whatever the operating system refuses becomes an `AnybpfError` with
 * code `ERR_IO` (`ERR_NOT_FOUND` for a file that does not exist).
 * @see https://nodejs.org/docs/latest-v20.x/api/fs.html
 * @module
 */
import { unlinkSync } from 'node:fs'
import { type FileHandle, open, realpath, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { AnybpfError, concatBytes } from '../util/index.ts'

/** Objects and programs are small; a limit keeps a wrong argument (a disk image, `/dev/zero`) from eating the memory. */
export const DEFAULT_FILE_LIMIT = 256 * 1024 * 1024

const CHUNK_SIZE = 256 * 1024

export interface ReadOptions {
  /** Most bytes to read; more is `ERR_LIMIT`. Default {@link DEFAULT_FILE_LIMIT}. */
  readonly limit?: number
  /** What `-` reads from; default the process's standard input. */
  readonly stdin?: AsyncIterable<Uint8Array>
}

/** The whole of a file, or of standard input for `-`. */
export async function readBytes(path: string, options: ReadOptions = {}): Promise<Uint8Array> {
  const limit = options.limit ?? DEFAULT_FILE_LIMIT
  const parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of readChunks(path, options)) {
    length += chunk.length
    if (length > limit) throw new AnybpfError('ERR_LIMIT', `larger than ${limit} bytes`)
    parts.push(chunk)
  }
  return parts.length === 1 ? parts[0]! : concatBytes(parts)
}

/** What gzip compressed, as it was; anything else as it is. Throws `ERR_FORMAT`, `ERR_LIMIT`. */
export async function uncompressed(bytes: Uint8Array, limit = DEFAULT_FILE_LIMIT): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: limit })
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new AnybpfError('ERR_LIMIT', `larger than ${limit} bytes once it is uncompressed`, { cause })
    }
    throw new AnybpfError('ERR_FORMAT', 'compressed with gzip, and damaged', { cause })
  }
}

/** The bytes of a file, or of standard input for `-`, as they come. Chunks are the caller's to keep. No limit applies. */
export async function* readChunks(path: string, options: Pick<ReadOptions, 'stdin'> = {}): AsyncGenerator<Uint8Array> {
  try {
    if (path === '-') {
      for await (const chunk of options.stdin ?? standardInput()) yield chunk
      return
    }
    const file = await open(path, 'r')
    try {
      if ((await file.stat()).isDirectory()) throw new AnybpfError('ERR_IO', 'is a directory')
      for (;;) {
        const buffer = new Uint8Array(CHUNK_SIZE)
        const { bytesRead } = await file.read(buffer, 0, CHUNK_SIZE)
        if (bytesRead === 0) return
        // A short read is copied, so that a slow pipe does not pin 256 KiB for every few bytes.
        yield bytesRead < CHUNK_SIZE / 2 ? buffer.slice(0, bytesRead) : buffer.subarray(0, bytesRead)
      }
    } finally {
      await file.close()
    }
  } catch (error) {
    throw systemError(error)
  }
}

function standardInput(): AsyncIterable<Uint8Array> {
  return process.stdin
}

/** A place to write bytes to that becomes visible as a whole, at `commit`, or not at all. */
export interface OutputFile {
  /** Resolves when more may be written. The chunk may be reused then. */
  write(chunk: Uint8Array): Promise<void>
  /** Makes what was written the file of that name. */
  commit(): Promise<void>
  /** Removes what was written. Safe to call after `commit` (does nothing then). */
  discard(): Promise<void>
}

/**
 * Opens a file for writing. Bytes go to a temporary file beside it, which takes its name at `commit`: a reader never sees
 * half a file, and an interrupted run leaves the old one. What is not a regular file (`/dev/null`, a named pipe, `-` for
 * standard output) is written in place.
 */
export async function createOutputFile(path: string): Promise<OutputFile> {
  if (path === '-') return new StreamOutput(process.stdout)
  try {
    const existing = await stat(path).catch(ifMissing)
    if (existing?.isDirectory()) throw new AnybpfError('ERR_IO', 'is a directory')
    if (existing !== undefined && !existing.isFile()) return new DirectOutput(await open(path, 'w'))
    // Through a symbolic link the file that it leads to is replaced, not the link.
    const target = existing === undefined ? path : await realpath(path)
    return await createTemporary(target, existing === undefined ? 0o666 : existing.mode & 0o777)
  } catch (error) {
    throw systemError(error)
  }
}

let temporaryCount = 0

/** The name only needs to be free, which the exclusive opening tells; no randomness (and 10 ms of loading it) for that. */
async function createTemporary(target: string, mode: number): Promise<TemporaryOutput> {
  for (let attempt = 0; ; attempt++) {
    const unique = `${process.pid.toString(36)}-${Date.now().toString(36)}-${temporaryCount++}`
    const temporary = join(dirname(target), `.${basename(target)}.${unique}.tmp`)
    // Before it exists: a signal may come as soon as it does.
    rememberTemporary(temporary)
    try {
      return new TemporaryOutput(await open(temporary, 'wx', mode), temporary, target)
    } catch (error) {
      forgetTemporary(temporary)
      if (!(isSystemError(error) && error.code === 'EEXIST' && attempt < 100)) throw error
    }
  }
}

/** Writes a whole file at once, by way of a temporary file (see {@link createOutputFile}). */
export async function writeBytes(path: string, bytes: Uint8Array): Promise<void> {
  const output = await createOutputFile(path)
  try {
    await output.write(bytes)
    await output.commit()
  } finally {
    await output.discard()
  }
}

class TemporaryOutput implements OutputFile {
  private readonly handle: FileHandle
  private readonly temporary: string
  private readonly target: string
  private open = true

  constructor(handle: FileHandle, temporary: string, target: string) {
    this.handle = handle
    this.temporary = temporary
    this.target = target
  }

  async write(chunk: Uint8Array): Promise<void> {
    await writeAll(this.handle, chunk)
  }

  async commit(): Promise<void> {
    if (!this.open) return
    try {
      await this.handle.close()
      await rename(this.temporary, this.target)
    } catch (error) {
      await unlink(this.temporary).catch(() => undefined)
      throw systemError(error)
    } finally {
      this.open = false
      forgetTemporary(this.temporary)
    }
  }

  async discard(): Promise<void> {
    if (!this.open) return
    this.open = false
    await this.handle.close().catch(() => undefined)
    await unlink(this.temporary).catch(() => undefined)
    forgetTemporary(this.temporary)
  }
}

class DirectOutput implements OutputFile {
  private readonly handle: FileHandle
  private open = true

  constructor(handle: FileHandle) {
    this.handle = handle
  }

  async write(chunk: Uint8Array): Promise<void> {
    await writeAll(this.handle, chunk)
  }

  async commit(): Promise<void> {
    if (!this.open) return
    this.open = false
    await this.handle.close().catch((error: unknown) => Promise.reject(systemError(error)))
  }

  async discard(): Promise<void> {
    await this.commit()
  }
}

class StreamOutput implements OutputFile {
  private readonly stream: NodeJS.WritableStream

  constructor(stream: NodeJS.WritableStream) {
    this.stream = stream
  }

  write(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.stream.write(chunk, (error) => (error == null ? resolve() : reject(systemError(error))))
    })
  }

  async commit(): Promise<void> {}

  async discard(): Promise<void> {}
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  try {
    let done = 0
    while (done < chunk.length) done += (await handle.write(chunk, done, chunk.length - done)).bytesWritten
  } catch (error) {
    throw systemError(error)
  }
}

/** Temporary files that exist now: removed when the process ends before they got their name. */
const temporaries = new Set<string>()

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

function rememberTemporary(path: string): void {
  if (temporaries.size === 0) {
    process.on('exit', removeTemporaries)
    for (const signal of SIGNALS) process.on(signal, endBySignal)
  }
  temporaries.add(path)
}

function forgetTemporary(path: string): void {
  temporaries.delete(path)
  if (temporaries.size === 0) {
    process.off('exit', removeTemporaries)
    for (const signal of SIGNALS) process.off(signal, endBySignal)
  }
}

function removeTemporaries(): void {
  for (const path of temporaries) {
    try {
      unlinkSync(path)
    } catch {
      // It is gone already, or cannot be removed: at exit there is nobody left to tell.
    }
  }
  temporaries.clear()
}

function endBySignal(signal: NodeJS.Signals): void {
  removeTemporaries()
  for (const each of SIGNALS) process.off(each, endBySignal)
  // With the handler gone the signal does what it does by default, and the parent sees the true cause.
  process.kill(process.pid, signal)
}

function ifMissing(error: unknown): undefined {
  if (isSystemError(error) && error.code === 'ENOENT') return undefined
  throw error
}

interface SystemError extends Error {
  readonly code: string
}

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && 'syscall' in error
}

/** Reasons in words, without the path and the system call that Node puts into its messages: the caller names the file. */
const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EISDIR: 'is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  ENOSPC: 'no space left on the device',
  EMFILE: 'too many open files',
  EROFS: 'the file system is read-only',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
}

/** What the operating system refused, as an `AnybpfError`; any other value is given back as it is. */
export function systemError(error: unknown): unknown {
  // A name with a NUL in it does not reach the operating system: Node refuses it with a TypeError.
  if (error instanceof TypeError && 'code' in error && error.code === 'ERR_INVALID_ARG_VALUE') {
    return new AnybpfError('ERR_IO', 'not a file name', { cause: error })
  }
  if (!isSystemError(error)) return error
  return new AnybpfError(
    error.code === 'ENOENT' ? 'ERR_NOT_FOUND' : 'ERR_IO',
    SYSTEM_REASONS[error.code] ?? error.message,
    { cause: error, details: { errno: error.code } },
  )
}
