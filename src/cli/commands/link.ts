/**
 * `anybpf link`: objects into one.
 * @module
 */
import { writeBytes } from '../../node/index.ts'
import { type LinkedObject, type LinkInput, linkObjects } from '../../object/index.ts'
import { isAnybpfError } from '../../util/index.ts'
import { EXIT, type ExitStatus, step, usageError } from '../errors.ts'
import { readInput } from '../input.ts'
import { formatJson } from '../json.ts'
import type { CliIo } from '../streams.ts'
import { visible } from '../text.ts'

export interface LinkOptions {
  readonly output: string
  readonly json?: boolean
}

export async function linkCommand(
  files: readonly string[],
  { output, json }: LinkOptions,
  io: CliIo,
): Promise<ExitStatus> {
  const toFile = output !== '-'
  if (!toFile && json) throw usageError('--json and -o - both want standard output: give one')
  if (files.filter((file) => file === '-').length > 1) throw usageError('standard input can be read once')
  const inputs: LinkInput[] = []
  for (const file of files) {
    inputs.push({ name: file === '-' ? 'standard input' : file, bytes: await readInput(file, io) })
  }
  const linked = await link(inputs)
  if (!toFile) {
    io.stdout.write(linked.bytes)
    return EXIT.ok
  }
  await step(EXIT.badInput, output, () => writeBytes(output, linked.bytes))
  if (json) io.stdout.write(formatJson({ output, ...linked, bytes: linked.bytes.length }))
  else io.stdout.write(summary(linked, files.length, output))
  return EXIT.ok
}

/** Files that do not go together are like a program that is rejected; a file that is no object is bad input. */
async function link(inputs: readonly LinkInput[]): Promise<LinkedObject> {
  try {
    return linkObjects(inputs)
  } catch (error) {
    const exit = isAnybpfError(error) && error.code === 'ERR_LINK' ? EXIT.rejected : EXIT.badInput
    return await step(exit, undefined, () => {
      throw error
    })
  }
}

function summary(linked: LinkedObject, objects: number, output: string): string {
  const { bytes, sections, symbols, types, unresolved, untyped } = linked
  const parts = [count(bytes.length, 'byte'), count(sections.length, 'section'), count(symbols.length, 'shared symbol')]
  let text = `${visible(output)}: ${count(objects, 'object')}, ${parts.join(', ')}, ${count(types, 'type')}\n`
  const inputsOf = new Map(symbols.map((symbol) => [symbol.name, symbol.inputs]))
  for (const name of unresolved) {
    text += `not defined yet: ${visible(name)} (${(inputsOf.get(name) ?? []).map(visible).join(', ')})\n`
  }
  for (const name of untyped) {
    text += `not compared, for want of types: ${visible(name)} (${(inputsOf.get(name) ?? []).map(visible).join(', ')})\n`
  }
  return text
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
