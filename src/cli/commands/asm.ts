/**
 * `anybpf asm`: text to instruction bytes.
 * @module
 */
import { type AssemblySyntax, conformanceGroups, encodeProgram } from '../../isa/index.ts'
import { writeBytes } from '../../node/index.ts'
import { linux } from '../../spec/index.ts'
import { bytesToHex, decodeUtf8, encodeUtf8 } from '../../util/index.ts'
import { assembleFor } from '../assembler.ts'
import { EXIT, type ExitStatus, step, usageError } from '../errors.ts'
import { readInput } from '../input.ts'
import { formatJson } from '../json.ts'
import type { CliIo } from '../streams.ts'

export interface AsmOptions {
  readonly output?: string
  readonly hex?: boolean
  readonly bigEndian?: boolean
  readonly syntax?: AssemblySyntax
  readonly json?: boolean
}

export async function asmCommand(file: string, options: AsmOptions, io: CliIo): Promise<ExitStatus> {
  const { output } = options
  if (output !== undefined && /\.o$/i.test(output)) {
    throw usageError(
      `this version writes instruction bytes, not objects: name the output ${output.replace(/\.o$/i, '.bin')}, and run it with --raw`,
      'ERR_UNSUPPORTED',
    )
  }
  const text = decodeUtf8(await readInput(file, io))
  const { insns, encoded } = await step(EXIT.badInput, file, () => {
    const program = assembleFor(linux(), text, options.syntax === undefined ? {} : { syntax: options.syntax })
    return { insns: program, encoded: encodeProgram(program, options.bigEndian ? 'big' : 'little') }
  })
  const toFile = output !== undefined && output !== '-'
  if (toFile) {
    const written = options.hex ? encodeUtf8(hexLines(encoded)) : encoded
    await step(EXIT.badInput, output, () => writeBytes(output, written))
  }
  if (options.json) {
    io.stdout.write(
      formatJson({
        slots: insns.length,
        bytes: encoded.length,
        ...(toFile ? { output } : { hex: bytesToHex(encoded) }),
        conformanceGroups: [...conformanceGroups(insns)].sort(),
      }),
    )
  } else if (!toFile) {
    io.stdout.write(options.hex || io.stdout.isTTY ? hexLines(encoded) : encoded)
  }
  return EXIT.ok
}

function hexLines(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 8) text += `${bytesToHex(bytes.subarray(at, at + 8), ' ')}\n`
  return text
}
