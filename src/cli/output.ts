/**
 * Files that commands write.
 * @module
 */
import { mkdir, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { createOutputFile, type OutputFile, systemError, writeBytes } from '../node/index.ts'
import { AnybpfError, encodeUtf8, isAnybpfError } from '../util/index.ts'
import { EXIT, step, usageError } from './errors.ts'
import type { CliIo } from './streams.ts'

/** What is made of a file is called as the file, without what ends its name. */
export function defaultName(file: string): string {
  if (file === '-') throw usageError('--name is missing: standard input has no name')
  return basename(file).replace(/(?:\.bpf|\.el)?\.(?:o|elf)$/i, '')
}

/** Writes text to a file, by way of a temporary one, or to standard output. */
export async function writeText(path: string | undefined, text: string, io: CliIo): Promise<void> {
  if (path === undefined || path === '-') io.stdout.write(text)
  else await step(EXIT.badInput, path, () => writeBytes(path, encodeUtf8(text)))
}

/**
 * Writes files below a directory, which is made if it is not there: all of them or none, each becomes visible under its name only when all
 * are written.
 */
export async function writeDirectory(
  directory: string,
  files: readonly { readonly name: string; readonly bytes: Uint8Array }[],
): Promise<void> {
  await step(EXIT.badInput, directory, () => makeDirectory(directory))
  for (const inner of new Set(files.map(({ name }) => dirname(join(directory, name))))) {
    await step(EXIT.badInput, inner, () => makeDirectory(inner))
  }
  const opened: OutputFile[] = []
  try {
    for (const { name, bytes } of files) {
      const path = join(directory, name)
      await step(EXIT.badInput, path, async () => {
        const output = await createOutputFile(path)
        opened.push(output)
        await output.write(bytes)
      })
    }
    for (const output of opened) await step(EXIT.badInput, directory, () => output.commit())
  } finally {
    for (const output of opened) await output.discard()
  }
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await makeEach(resolve(directory))
  } catch (error) {
    const told = systemError(error)
    if (!isAnybpfError(told)) throw told
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST'
    throw exists ? new AnybpfError('ERR_IO', 'is a file, not a directory', { cause: error }) : told
  }
}

/**
 * Makes a directory and those above it. One by one: where the file system refuses with ENOENT, as /proc does, Node's own `recursive` never
 * comes to an end.
 */
async function makeEach(directory: string): Promise<void> {
  try {
    await mkdir(directory)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && (await stat(directory)).isDirectory()) return
    const above = dirname(directory)
    if (code !== 'ENOENT' || above === directory || (await isDirectory(above))) throw error
    await makeEach(above)
    await mkdir(directory)
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
