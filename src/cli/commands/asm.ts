/**
 * `anybpf asm`: text to instruction bytes, or to an object.
 * @module
 */
import { type AssemblySyntax, conformanceGroups, encodeProgram } from '../../isa/index.ts'
import { writeBytes } from '../../node/index.ts'
import { emitProgramObject } from '../../object/index.ts'
import { linux } from '../../spec/index.ts'
import { bytesToHex, decodeUtf8, encodeUtf8 } from '../../util/index.ts'
import { assembleFor } from '../assembler.ts'
import { EXIT, type ExitStatus, step, usageError } from '../errors.ts'
import { readInput } from '../input.ts'
import { formatJson } from '../json.ts'
import type { CliIo } from '../streams.ts'

export interface AsmOptions {
  readonly output?: string
  readonly section?: string
  readonly name?: string
  readonly license?: string
  readonly hex?: boolean
  readonly bigEndian?: boolean
  readonly syntax?: AssemblySyntax
  readonly json?: boolean
}

export async function asmCommand(file: string, options: AsmOptions, io: CliIo): Promise<ExitStatus> {
  const { output } = options
  const asObject = output !== undefined && /\.o$/i.test(output)
  checkObjectOptions(asObject, options)
  const text = decodeUtf8(await readInput(file, io))
  const { insns, encoded } = await step(EXIT.badInput, file, () => {
    const program = assembleFor(linux(), text, options.syntax === undefined ? {} : { syntax: options.syntax })
    return { insns: program, encoded: encodeProgram(program, options.bigEndian ? 'big' : 'little') }
  })
  const toFile = output !== undefined && output !== '-'
  if (asObject) {
    const { section = '', name, license } = options
    const object = await step(EXIT.badInput, file, () =>
      emitProgramObject({
        insns,
        section,
        byteOrder: options.bigEndian ? 'big' : 'little',
        ...(name !== undefined && { name }),
        ...(license !== undefined && { license }),
      }),
    )
    await step(EXIT.badInput, output, () => writeBytes(output, object))
  } else if (toFile) {
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

/** Options of objects are for objects, and an object has to say what its program is. */
function checkObjectOptions(asObject: boolean, options: AsmOptions): void {
  if (asObject) {
    if (options.hex) throw usageError('an object is no hexadecimal text: leave out --hex, or name the output .hex')
    if (options.section !== undefined) return
    throw usageError('an object says by its section what the program is: add --section xdp, tc, socket or another')
  }
  for (const option of ['section', 'name', 'license'] as const) {
    if (options[option] !== undefined) throw usageError(`--${option} is for objects: -o FILE.o`)
  }
}

function hexLines(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 8) text += `${bytesToHex(bytes.subarray(at, at + 8), ' ')}\n`
  return text
}
