/**
 * `anybpf build`: an object as WebAssembly modules, for places that forbid compiling at run time.
 * @module
 */
import { basename, join } from 'node:path'
import { type Build, type BuildOptions, type BuiltFile, buildObject } from '../../build/index.ts'
import { VerificationError } from '../../loader/index.ts'
import { type ObjectSpec, parseObject } from '../../object/index.ts'
import { linux, type Platform } from '../../spec/index.ts'
import { formatTextTable } from '../../util/index.ts'
import { explain } from '../../verifier/report/format-report.ts'
import { CliError, EXIT, type ExitStatus, step } from '../errors.ts'
import { chooseByName, readGlobals, readKconfig, readProgramFile, readTypesOption } from '../input.ts'
import { formatJson } from '../json.ts'
import { defaultName, writeDirectory } from '../output.ts'
import { parsePlatform } from '../platform.ts'
import { formatCount } from '../progress.ts'
import { type CliIo, createStyle } from '../streams.ts'
import { visible } from '../text.ts'

export interface BuildCommandOptions {
  /** The directory. */
  readonly output: string
  readonly name?: string
  readonly program?: readonly string[]
  readonly platform?: string
  readonly global?: readonly string[]
  readonly btf?: string
  readonly kconfig?: readonly string[]
  /** False with `--no-verify`. */
  readonly verify: boolean
  readonly budget?: number
  readonly json?: boolean
}

export async function buildCommand(file: string, options: BuildCommandOptions, io: CliIo): Promise<ExitStatus> {
  const platform = options.platform === undefined ? linux() : parsePlatform(options.platform)
  const input = await readProgramFile(file, false, io, { objectsOnly: true })
  if (input.kind !== 'object')
    throw new CliError(EXIT.badInput, 'ERR_FORMAT', 'is no compiled BPF object: only objects are built', file)
  const spec = await step(EXIT.badInput, file, () => parseObject(input.bytes))
  for (const program of options.program ?? []) chooseByName(spec.programs, program, 'program', file)
  const globals = await readGlobals(options.global ?? [], io)
  const kconfig = await readKconfig(options.kconfig ?? [], io)
  const targetBtf = await readTypesOption(options.btf, io)
  const name = options.name ?? defaultName(file)
  const { output, budget, verify, program: programs } = options
  const build = await makeBuild(file, spec, io, options.json === true, {
    ...{
      name,
      platform,
      globals,
      kconfig,
      verify,
      origin: `anybpf from ${file === '-' ? 'standard input' : basename(file)}`,
    },
    ...(programs !== undefined && { programs }),
    ...(targetBtf !== undefined && { targetBtf }),
    ...(budget !== undefined && { budget }),
  })
  await writeDirectory(output, build.files)
  io.stdout.write(
    options.json === true
      ? formatJson(toJson(output, platform, build))
      : printBuild(output, platform, build, createStyle(io.stdout, io.env).dim),
  )
  return EXIT.ok
}

/** A rejected program is explained as `verify` explains it, before the error that ends the command. */
async function makeBuild(
  file: string,
  spec: ObjectSpec,
  io: CliIo,
  json: boolean,
  options: BuildOptions,
): Promise<Build> {
  try {
    return await step(EXIT.rejected, file, () => buildObject(spec, options))
  } catch (error) {
    // A name that the object does not have came from the command line.
    if (error instanceof CliError && error.code === 'ERR_NOT_FOUND') {
      throw new CliError(EXIT.usage, error.code, error.message, file, error.cause)
    }
    if (error instanceof CliError && error.cause instanceof VerificationError && !json) {
      const style = createStyle(io.stderr, io.env)
      io.stderr.write(`${explain(error.cause.report, { style, clean: visible })}\n`)
    }
    throw error
  }
}

const COLUMNS = [{ title: 'file' }, { title: 'bytes', align: 'right' }, { title: 'what it is' }] as const

function printBuild(directory: string, platform: Platform, build: Build, dim: (text: string) => string): string {
  const types = new Map(build.programs.map((program) => [program.name, program]))
  const rows = build.files.map((file) => {
    const program = types.get(file.program ?? '')
    const what =
      program === undefined
        ? WHAT[file.kind]
        : `program ${visible(program.name)}, ${program.type}${program.report === undefined ? ', not verified' : ''}`
    return [visible(join(directory, file.name)), formatCount(file.bytes.length), what]
  })
  const [title, ...lines] = formatTextTable(COLUMNS, rows).split('\n')
  return `for ${platform.name}\n${[dim(title ?? ''), ...lines].join('\n')}\n`
}

const WHAT: Readonly<Record<BuiltFile['kind'], string>> = {
  module: 'JavaScript module: instantiate(…)',
  types: 'its types',
  runtime: 'the runtime, the same for every build',
  program: 'program',
}

function toJson(directory: string, platform: Platform, { files, programs }: Build): object {
  return {
    directory,
    platform: platform.name,
    programs: programs.map(({ name, type, report }) => ({ name, type, verified: report !== undefined })),
    files: files.map(({ name, bytes, kind, program }) => {
      return { path: join(directory, name), kind, ...(program !== undefined && { program }), bytes: bytes.length }
    }),
  }
}
