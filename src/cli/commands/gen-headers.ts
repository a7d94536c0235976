/**
 * `anybpf gen headers`: what BPF programs in C include.
 * @module
 */
import { join } from 'node:path'
import { generateHeaders } from '../../gen/index.ts'
import { linux } from '../../spec/index.ts'
import { EXIT, type ExitStatus, step } from '../errors.ts'
import { readTypesOption } from '../input.ts'
import { formatJson } from '../json.ts'
import { writeDirectory } from '../output.ts'
import { parsePlatform } from '../platform.ts'
import { formatCount } from '../progress.ts'
import type { CliIo } from '../streams.ts'
import { visible } from '../text.ts'

export interface GenHeadersOptions {
  /** The directory. */
  readonly output: string
  readonly btf?: string
  readonly platform?: string
  readonly json?: boolean
}

export async function genHeadersCommand(options: GenHeadersOptions, io: CliIo): Promise<ExitStatus> {
  const platform = options.platform === undefined ? linux() : parsePlatform(options.platform)
  const btf = await readTypesOption(options.btf, io)
  const files = await step(EXIT.badInput, options.btf, () =>
    generateHeaders({ platform, ...(btf !== undefined && { btf }) }),
  )
  await writeDirectory(options.output, files)
  const written = files.map(({ name, bytes }) => ({ path: join(options.output, name), bytes: bytes.length }))
  if (options.json) {
    io.stdout.write(formatJson({ directory: options.output, platform: platform.name, files: written }))
  } else {
    for (const { path, bytes } of written) io.stdout.write(`${visible(path)}: ${formatCount(bytes)} bytes\n`)
  }
  return EXIT.ok
}
