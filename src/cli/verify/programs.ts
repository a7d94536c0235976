/**
 * What `verify` is given: the programs of an object, or one of assembler text or instruction bytes.
 * @module
 */
import { VerifyInput } from '../../loader/index.ts'
import { prepareProgram } from '../../loader/verify-object.ts'
import { type ObjectSpec, type ProgramSpec, parseObject } from '../../object/index.ts'
import { linux, type Platform, raw } from '../../spec/index.ts'
import { decodeForVerifier, type VerifierProgram } from '../../verifier/index.ts'
import { assembleFor } from '../assembler.ts'
import { CliError, EXIT, step, usageError } from '../errors.ts'
import { chooseByName, readGlobals, readKconfig, readProgramFile } from '../input.ts'
import type { CliIo } from '../streams.ts'
import type { KernelTypes } from './kernel-types.ts'

export interface ProgramOptions {
  readonly program?: string
  readonly type?: string
  readonly raw?: boolean
  readonly global?: readonly string[]
  readonly kconfig?: readonly string[]
}

/** Assembler text and instruction bytes name no licence. As if they were the user's own: every helper may be called. */
export const LICENSE_OF_BARE_CODE = 'GPL'

/** A program to verify, or why there is nothing to verify. */
export interface Candidate {
  readonly name: string
  readonly section: string | undefined
  readonly type: string
  readonly program: VerifierProgram | undefined
  /** Why it could not be made ready. */
  readonly problem: string | undefined
}

export interface Candidates {
  readonly platform: Platform
  readonly programs: readonly Candidate[]
}

/** Reads a file. Throws a CliError where it is not what it should be; a program that cannot be linked is a candidate with a problem. */
export async function readCandidates(
  file: string,
  platform: Platform | undefined,
  options: ProgramOptions,
  kernel: KernelTypes,
  io: CliIo,
): Promise<Candidates> {
  const input = await readProgramFile(file, options.raw ?? false, io)
  if (input.kind === 'object') {
    const spec = await step(EXIT.badInput, file, () => parseObject(input.bytes))
    return objectCandidates(file, spec, platform ?? linux(), options, kernel, io)
  }
  if (options.program !== undefined) throw usageError('--program is for objects: text and bytes are one program')
  if (options.kconfig !== undefined) throw usageError('--kconfig is for objects: text and bytes have no externs')
  if (options.global !== undefined) throw usageError('--global is for objects: text and bytes have no variables')
  const chosen = platform ?? ((options.type ?? 'raw') === 'raw' ? raw : linux())
  const code = await step(EXIT.badInput, file, () =>
    input.kind === 'text' ? { insns: assembleFor(chosen, input.text) } : decodeForVerifier(input.bytes, 'little'),
  )
  if (code.insns.length === 0) throw new CliError(EXIT.badInput, 'ERR_FORMAT', 'holds no instructions', file)
  const type = checkedType(chosen, options.type ?? (chosen.programTypes.has('raw') ? 'raw' : undefined))
  const program = { name: 'program', type, license: LICENSE_OF_BARE_CODE, ...code }
  return { platform: chosen, programs: [{ name: 'program', section: undefined, type, program, problem: undefined }] }
}

async function objectCandidates(
  file: string,
  spec: ObjectSpec,
  platform: Platform,
  options: ProgramOptions,
  kernel: KernelTypes,
  io: CliIo,
): Promise<Candidates> {
  const type = options.type === undefined ? undefined : checkedType(platform, options.type)
  const globals = await readGlobals(options.global ?? [], io)
  const targetBtf = await kernel.targetOf(spec)
  const kconfig = await readKconfig(options.kconfig ?? [], io)
  const given = { globals, kconfig, ...(type && { type }), ...(targetBtf !== undefined && { targetBtf }) }
  const input = await step(EXIT.usage, file, () => new VerifyInput(spec, platform, given))
  const programs =
    options.program === undefined
      ? Object.values(spec.programs)
      : [chooseByName(spec.programs, options.program, 'program', file).value]
  if (programs.length === 0) throw new CliError(EXIT.badInput, 'ERR_NOT_FOUND', 'has no programs', file)
  return { platform, programs: programs.map((program) => candidate(input, program, type, platform)) }
}

function candidate(
  input: VerifyInput,
  spec: ProgramSpec,
  chosenType: string | undefined,
  platform: Platform,
): Candidate {
  const { name, section } = spec
  const type = chosenType ?? spec.type
  const prepared = prepareProgram(input, spec, platform, type)
  if (typeof prepared !== 'string') return { name, section, type, program: prepared, problem: undefined }
  const problem = type === 'unspec' ? `${prepared}: give it with --type` : prepared
  return { name, section, type, program: undefined, problem }
}

/** The name of a type that the platform has. Throws a usage error that lists them for any other. */
export function checkedType(platform: Platform, type: string | undefined): string {
  if (type !== undefined && platform.programTypes.has(type)) return type
  const known = [...platform.programTypes.keys()].join(', ')
  throw usageError(
    type === undefined
      ? `--type is missing; ${platform.name} has ${known}`
      : `--type ${type}: ${platform.name} has ${known}`,
  )
}
