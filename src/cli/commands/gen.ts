/**
 * `anybpf gen skeleton`, `anybpf gen types`: TypeScript made of objects.
 * @module
 */
import { basename } from 'node:path'
import { generateSkeleton, generateTypes } from '../../gen/index.ts'
import { parseObject, readTypes } from '../../object/index.ts'
import { AnybpfError } from '../../util/index.ts'
import { CliError, EXIT, type ExitStatus, step, usageError } from '../errors.ts'
import { readInput, readProgramFile } from '../input.ts'
import { formatJson } from '../json.ts'
import { defaultName, writeText } from '../output.ts'
import { parsePlatform } from '../platform.ts'
import { formatCount } from '../progress.ts'
import type { CliIo } from '../streams.ts'
import { visible } from '../text.ts'

interface OutputOptions {
  readonly output?: string
  readonly json?: boolean
}

export interface GenSkeletonOptions extends OutputOptions {
  readonly name?: string
  readonly platform?: string
}

export interface GenTypesOptions extends OutputOptions {
  readonly type?: readonly string[]
}

export async function genSkeletonCommand(file: string, options: GenSkeletonOptions, io: CliIo): Promise<ExitStatus> {
  checkOutput(options)
  const platform = options.platform === undefined ? undefined : parsePlatform(options.platform)
  const name = options.name ?? defaultName(file)
  const input = await readProgramFile(file, false, io, { objectsOnly: true })
  if (input.kind !== 'object') {
    throw new CliError(EXIT.badInput, 'ERR_FORMAT', 'is no compiled BPF object: skeletons are of objects', file)
  }
  const skeleton = await step(EXIT.badInput, file, () =>
    generateSkeleton(parseObject(input.bytes), {
      name,
      origin: origin('skeleton', file),
      ...(platform !== undefined && { platform }),
    }),
  )
  const { text, ...told } = skeleton
  await writeText(options.output, text, io)
  const counts = `${count(told.programs, 'program')}, ${count(told.maps, 'map')}, ${count(told.variables, 'variable')}`
  report(options, told, `${told.open}(…), ${counts}`, io)
  return EXIT.ok
}

export async function genTypesCommand(file: string, options: GenTypesOptions, io: CliIo): Promise<ExitStatus> {
  checkOutput(options)
  const bytes = await readInput(file, io)
  const btf = await step(EXIT.badInput, file, () => readTypes(bytes))
  const { text, types } = await step(EXIT.badInput, file, () => {
    try {
      return generateTypes(btf, {
        origin: origin('types', file),
        ...(options.type !== undefined && { names: options.type }),
      })
    } catch (error) {
      // The name came from the command line.
      if (!(error instanceof AnybpfError) || error.code !== 'ERR_NOT_FOUND') throw error
      throw new CliError(EXIT.usage, error.code, error.message, file, error)
    }
  })
  await writeText(options.output, text, io)
  report(options, { types }, count(types, 'type'), io)
  return EXIT.ok
}

function checkOutput({ output, json }: OutputOptions): void {
  if (json && (output === undefined || output === '-'))
    throw usageError('--json needs -o: the text itself is the output')
}

/** What was written, unless standard output has the text itself. */
function report({ output, json }: OutputOptions, told: object, words: string, io: CliIo): void {
  if (output === undefined || output === '-') return
  io.stdout.write(json ? formatJson({ output, ...told }) : `${visible(output)}: ${words}\n`)
}

function origin(what: string, file: string): string {
  return `anybpf gen ${what} from ${file === '-' ? 'standard input' : basename(file)}`
}

function count(many: number, what: string): string {
  return `${formatCount(many)} ${what}${many === 1 ? '' : 's'}`
}
