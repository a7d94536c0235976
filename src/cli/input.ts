/**
 * What a command is given to work on: tells objects, text and instruction bytes apart, and reads the values of options.
 * @module
 */
import type { Btf } from '../btf/index.ts'
import { parseKconfig } from '../loader/index.ts'
import { kconfigText } from '../loader/kconfig.ts'
import { readBytes, uncompressed } from '../node/index.ts'
import { readTypes } from '../object/index.ts'
import { decodeUtf8, hexToBytes } from '../util/index.ts'
import { CliError, EXIT, step, usageError } from './errors.ts'
import { parseJson } from './json.ts'
import type { CliIo } from './streams.ts'

export type ProgramFile =
  | { readonly kind: 'object'; readonly bytes: Uint8Array }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }

/**
 * Reads a file and tells what it is. With `raw` it is instruction bytes, binary or as hexadecimal text. `objectsOnly`: the command takes
 * nothing else, and has no option --raw.
 */
export async function readProgramFile(
  file: string,
  raw: boolean,
  io: CliIo,
  { objectsOnly = false } = {},
): Promise<ProgramFile> {
  const bytes = await readInput(file, io)
  if (raw) {
    const problem = notInstructions(bytes)
    if (problem !== undefined) throw new CliError(EXIT.badInput, 'ERR_FORMAT', problem, file)
    return { kind: 'raw', bytes: await step(EXIT.badInput, file, () => rawInstructions(bytes)) }
  }
  if (isElf(bytes) || /\.(?:o|elf)$/i.test(file)) return { kind: 'object', bytes }
  if (bytes.includes(0)) {
    const hint = objectsOnly
      ? 'is no compiled BPF object: only objects are built'
      : isCapture(bytes)
        ? 'this is a packet capture, give it to --pcap'
        : 'neither an ELF object nor text; instruction bytes need --raw'
    throw new CliError(EXIT.badInput, 'ERR_FORMAT', hint, file)
  }
  const text = decodeUtf8(bytes)
  if (/\.(?:c|cc|cpp|h)$/i.test(file) || /^[ \t]*#[ \t]*include\b/m.test(text)) {
    const hint = 'this is C source: compile it first, with clang -O2 -g -target bpf -c'
    throw new CliError(EXIT.badInput, 'ERR_FORMAT', hint, file)
  }
  return { kind: 'text', text }
}

/** The bytes of a file or of standard input. */
export function readInput(file: string, io: CliIo): Promise<Uint8Array> {
  return step(EXIT.badInput, file, () => readBytes(file, { stdin: io.stdin }))
}

/** Why --raw is not for a file of these bytes, where that can be told. */
function notInstructions(bytes: Uint8Array): string | undefined {
  if (isElf(bytes)) return 'this is an ELF object, not instruction bytes: leave out --raw'
  if (isCapture(bytes)) return 'this is a packet capture, not instruction bytes'
  // Bytes of instructions have zeros; text that is not hexadecimal has none.
  const isText =
    bytes.length > 0 && !isHexText(bytes) && bytes.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d))
  return isText
    ? 'this is text, not instruction bytes in binary or hexadecimal: leave out --raw for assembler text'
    : undefined
}

export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46
}

const CAPTURE_MAGICS: ReadonlySet<number> = new Set([0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1, 0x0a0d0d0a])

function isCapture(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && CAPTURE_MAGICS.has(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0))
}

/**
 * No program is hexadecimal text by accident: its last instruction is an exit or a goto, whose first byte (0x95, 0x05,
 * 0x06) is neither a digit nor white space.
 */
function rawInstructions(bytes: Uint8Array): Uint8Array {
  return isHexText(bytes) ? hexToBytes(decodeUtf8(bytes)) : bytes
}

function isHexText(bytes: Uint8Array): boolean {
  return bytes.every(
    (byte) =>
      (byte >= 0x30 && byte <= 0x39) ||
      (byte >= 0x41 && byte <= 0x46) ||
      (byte >= 0x61 && byte <= 0x66) ||
      byte === 0x20 ||
      (byte >= 0x09 && byte <= 0x0d),
  )
}

/** `--data`: hexadecimal bytes, or `@FILE` for the bytes of a file. */
export async function readDataOption(value: string, io: CliIo): Promise<Uint8Array> {
  if (value.startsWith('@')) return readInput(value.slice(1), io)
  return step(EXIT.usage, '--data', () => hexToBytes(value.replace(/^0x/i, '').replaceAll(':', ' '), 'ERR_USAGE'))
}

/** A JSON value, or `@FILE` for one from a file. `what` is the option as a message should name it. */
export async function readJsonOption(value: string, what: string, io: CliIo): Promise<unknown> {
  if (!value.startsWith('@')) return step(EXIT.usage, undefined, () => parseJson(value, what))
  const file = value.slice(1)
  const text = decodeUtf8(await readInput(file, io))
  return step(EXIT.badInput, undefined, () => parseJson(text, `${what} (${file})`))
}

/** Values of global variables, from `NAME=JSON` and `NAME=@FILE`. */
export async function readGlobals(assignments: readonly string[], io: CliIo): Promise<Record<string, unknown>> {
  const globals: Record<string, unknown> = Object.create(null)
  for (const assignment of assignments) {
    const { name, value } = splitAssignment(assignment, '--global')
    globals[name] = await readJsonOption(value, `--global ${name}`, io)
  }
  return globals
}

/**
 * Values of `.kconfig` externs: each `NAME=VALUE` as a configuration writes it, else the name of a configuration file, which
 * may be compressed, as `/proc/config.gz` is. Later ones take precedence.
 */
export async function readKconfig(options: readonly string[], io: CliIo): Promise<Record<string, unknown>> {
  const values: Record<string, unknown> = Object.create(null)
  for (const option of options) {
    const [, name, value] = /^((?:CONFIG|LINUX)_\w+)=(.*)$/s.exec(option) ?? []
    if (name !== undefined && value !== undefined) values[name] = kconfigText(value)
    else {
      const bytes = await readInput(option, io)
      const text = await step(EXIT.badInput, option, async () => decodeUtf8(await uncompressed(bytes)))
      Object.assign(values, parseKconfig(text))
    }
  }
  return values
}

/** `--btf`: types of a file, BTF or ELF. */
export async function readTypesOption(file: string | undefined, io: CliIo): Promise<Btf | undefined> {
  if (file === undefined) return undefined
  const bytes = await readInput(file, io)
  return step(EXIT.badInput, file, () => readTypes(bytes))
}

/** Splits `NAME=VALUE`. */
export function splitAssignment(text: string, option: string): { readonly name: string; readonly value: string } {
  const at = text.indexOf('=')
  if (at < 1) throw usageError(`${option} wants NAME=VALUE, not ${JSON.stringify(text)}`)
  return { name: text.slice(0, at), value: text.slice(at + 1) }
}

/** Chooses a thing by name, or the only one there is; otherwise an error lists the names. */
export function chooseByName<T>(
  named: Readonly<Record<string, T>>,
  name: string | undefined,
  what: string,
  file: string,
): { readonly name: string; readonly value: T } {
  const names = Object.keys(named)
  const chosen = name ?? (names.length === 1 ? names[0] : undefined)
  const value = chosen === undefined || !names.includes(chosen) ? undefined : named[chosen]
  if (chosen !== undefined && value !== undefined) return { name: chosen, value }
  if (names.length === 0) throw new CliError(EXIT.badInput, 'ERR_NOT_FOUND', `has no ${what}s`, file)
  const listed = names.length > 20 ? `${names.slice(0, 20).join(', ')} and ${names.length - 20} more` : names.join(', ')
  const message =
    name === undefined
      ? `has ${names.length} ${what}s, choose one with --program: ${listed}`
      : `has no ${what} ${JSON.stringify(name)}; it has: ${listed}`
  throw new CliError(EXIT.usage, name === undefined ? 'ERR_USAGE' : 'ERR_NOT_FOUND', message, file)
}
