/**
 * What the conformance plug-in does: the protocol of the public bpf_conformance runner, which gives a program on standard input
 * and memory as an argument, and wants r0.
 * @see https://github.com/Alan-Jowett/bpf_conformance
 * @module
 */
import { BUILTIN_HELPERS, helpersOf } from '../helpers/index.ts'
import { decodeProgram, type Instruction, validateProgram } from '../isa/index.ts'
import { linkProgram, parseObject } from '../object/index.ts'
import { raw } from '../spec/platforms/raw.ts'
import { AnybpfError, hexToBytes, isAnybpfError } from '../util/index.ts'
import { type ExecuteRawOptions, executeRaw } from '../vm/execute-raw.ts'
import { EXIT, type ExitStatus } from './errors.ts'

export const CONFORMANCE_USAGE = `usage: conformance-plugin [MEMORY] [--elf] [--engine interpreter|jit]

Runs the BPF program on standard input and prints r0 in hexadecimal.

  standard input        the program's bytes as hexadecimal; white space is allowed
  MEMORY                bytes as hexadecimal, white space allowed: r1 points to them, r2 is their number
  --elf                 standard input is an ELF object, in hexadecimal or as it is: its first program is run
  --engine ENGINE       which engine runs it; default interpreter
  --help                this text

Arguments may come in any order. The exit status is 0, or 1 if the program is refused or faults, 2 if the arguments make no
sense, 3 if the input is not what it should be; then one line on standard error says why.
`

export interface ConformanceAnswer {
  readonly status: ExitStatus
  readonly stdout: string
  readonly stderr: string
}

type EngineName = NonNullable<ExecuteRawOptions['engine']>

interface Arguments {
  readonly help: boolean
  readonly elf: boolean
  readonly engine: EngineName
  readonly memory: Uint8Array
}

/** Answers one request of the runner. `stdin` is asked for only when it is needed, and gives a
 * character for each byte. */
export async function conformancePlugin(
  args: readonly string[],
  stdin: () => Promise<string>,
): Promise<ConformanceAnswer> {
  let failed: ExitStatus = EXIT.usage
  try {
    const { help, elf, engine, memory } = parseArguments(args)
    if (help) return { status: EXIT.ok, stdout: CONFORMANCE_USAGE, stderr: '' }
    failed = EXIT.badInput
    const input = await stdin()
    const bytes = elf && input.startsWith('\x7fELF') ? Uint8Array.from(input, byteOf) : hexToBytes(input)
    const insns = elf ? firstProgram(bytes) : decodeProgram(bytes, 'little')
    const problem = validateProgram(insns)[0]
    if (problem !== undefined) throw new AnybpfError('ERR_DECODE', `insn ${problem.slot}: ${problem.message}`)
    failed = EXIT.rejected
    const { r0 } = executeRaw(insns, memory, { engine, helpers: helpersOf(raw, BUILTIN_HELPERS) })
    return { status: EXIT.ok, stdout: `${r0.toString(16)}\n`, stderr: '' }
  } catch (error) {
    if (!isAnybpfError(error)) throw error
    return { status: failed, stdout: '', stderr: `conformance-plugin: ${error.code}: ${error.message}\n` }
  }
}

function byteOf(character: string): number {
  return character.charCodeAt(0)
}

/** The runner hands over its options as one argument, which may be empty: options are split at white space. */
function parseArguments(args: readonly string[]): Arguments {
  let help = false
  let elf = false
  let engine: EngineName = 'interpreter'
  let memory: Uint8Array | undefined
  const words = args.flatMap((arg) => (arg.trim().startsWith('-') ? arg.trim().split(/\s+/) : [arg]))
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (word === '--help' || word === '-h') help = true
    else if (word === '--elf') elf = true
    else if (word === '--engine') engine = engineNamed(words[++i])
    else if (word.startsWith('--engine=')) engine = engineNamed(word.slice('--engine='.length))
    else if (word.startsWith('-')) throw new AnybpfError('ERR_USAGE', `unknown option ${word}`)
    else if (word.trim() !== '') {
      if (memory !== undefined) throw new AnybpfError('ERR_USAGE', 'memory is given twice')
      memory = hexToBytes(word)
    }
  }
  return { help, elf, engine, memory: memory ?? new Uint8Array(0) }
}

function engineNamed(name: string | undefined): EngineName {
  if (name === 'interpreter' || name === 'jit') return name
  throw new AnybpfError('ERR_USAGE', `no engine ${name ?? 'is named'}; there are interpreter and jit`)
}

/** The first program of an object, with the functions that it calls; in an object without programs, the first function. */
function firstProgram(bytes: Uint8Array): Instruction[] {
  const object = parseObject(bytes)
  if (object.byteOrder === 'big') {
    throw new AnybpfError('ERR_BYTE_ORDER', 'a big-endian program cannot be executed here')
  }
  const program = Object.values(object.programs)[0]
  if (program === undefined) throw new AnybpfError('ERR_NOT_FOUND', 'the object has no program')
  const { insns, references } = linkProgram(object, program)
  const reference = references[0]
  if (reference !== undefined) {
    throw new AnybpfError('ERR_LINK', `insn ${reference.slot}: there are no maps and no kernel symbols here`)
  }
  return insns
}
