/**
 * Verifies the programs of an object without loading them.
 * @module
 */
import { type ObjectSpec, type ProgramSpec, parseObject } from '../object/index.ts'
import type { Platform } from '../spec/index.ts'
import { AnybpfError, isAnybpfError, quoteName } from '../util/index.ts'
import { type Report, type ReportError, type VerifierProgram, type VerifyOptions, verify } from '../verifier/index.ts'
import { VerifyInput, type VerifyInputOptions } from './verify-input.ts'

export interface VerifyObjectOptions extends VerifyOptions, VerifyInputOptions {
  /** Names of the programs to verify; default: all. */
  readonly programs?: readonly string[]
}

/**
 * A report for each program of an object, in the object's order. `object`: the bytes of a file, or what `parseObject` made
 * of them. Nothing is loaded, and a program that is rejected is no error; one that cannot be linked, or whose type the
 * platform does not have, is rejected as `invalid_program`.
 *
 * Throws what `parseObject` throws, ERR_NOT_FOUND for a program or variable that the object does not have, and ERR_USAGE
 * for options that make no sense.
 */
export function verifyObject(
  object: ObjectSpec | Uint8Array,
  platform: Platform,
  options: VerifyObjectOptions = {},
): Report[] {
  const { programs, type, author = platform.author ?? 'untrusted' } = options
  const spec = object instanceof Uint8Array ? parseObject(object) : object
  const { kernelBtf, targetBtf = kernelBtf } = options
  const input = new VerifyInput(spec, platform, { ...options, ...(targetBtf !== undefined && { targetBtf }) })
  return chosenPrograms(spec, programs).map((program) => {
    const prepared = prepareProgram(input, program, platform, type)
    if (typeof prepared !== 'string') return verify(prepared, platform, options)
    const typed = type ?? program.type
    const problem = typed === 'unspec' ? `${prepared}: give it as the option type` : prepared
    return unverifiable(program.name, typed, platform, author, problem)
  })
}

function chosenPrograms(spec: ObjectSpec, names: readonly string[] | undefined): readonly ProgramSpec[] {
  if (names === undefined) return Object.values(spec.programs)
  return names.map((name) => {
    const program = Object.hasOwn(spec.programs, name) ? spec.programs[name] : undefined
    if (program !== undefined) return program
    const known = Object.keys(spec.programs).slice(0, 20).map(quoteName).join(', ')
    throw new AnybpfError('ERR_NOT_FOUND', `no program ${quoteName(name)}; there are: ${known || 'none'}`)
  })
}

/** A program as the verifier is given it, or why there is nothing to verify. `type`: instead of the program's own. */
export function prepareProgram(
  input: VerifyInput,
  program: ProgramSpec,
  platform: Platform,
  type: string = program.type,
): VerifierProgram | string {
  if (!platform.programTypes.has(type)) {
    return type === 'unspec'
      ? `its section, ${JSON.stringify(program.section)}, does not tell what type of program it is`
      : `${platform.name} has no programs of type ${type}`
  }
  try {
    return input.program(program)
  } catch (error) {
    if (!isAnybpfError(error)) throw error
    return error.message
  }
}

/** The report of a program that cannot come before the verifier. */
export function unverifiable(
  name: string,
  type: string,
  platform: Platform,
  author: Report['author'],
  problem: string,
): Report {
  const error: ReportError = {
    code: 'invalid_program',
    category: 'structure',
    reason: problem,
    message: problem,
    saidByLinux: false,
    lines: [problem],
    path: [],
  }
  const stats = { insnsProcessed: 0, states: 0, peakStates: 0, maxStatesPerInsn: 0, ms: 0, stackDepth: [] }
  return { name, type, platform: platform.name, author, verdict: 'reject', stats, error }
}
