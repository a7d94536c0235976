/**
 * `anybpf btf min`: the part of a kernel's types that objects need.
 * @module
 */
import { type Btf, type CoreResolution, emitBtf, minimizeBtf } from '../../btf/index.ts'
import { writeBytes } from '../../node/index.ts'
import { CoreRelocations, type ObjectSpec, parseObject } from '../../object/index.ts'
import { AnybpfError } from '../../util/index.ts'
import { CliError, EXIT, type ExitStatus, step } from '../errors.ts'
import { readInput } from '../input.ts'
import { formatJson } from '../json.ts'
import { formatCount } from '../progress.ts'
import type { CliIo } from '../streams.ts'
import { visible } from '../text.ts'
import { KernelTypes } from '../verify/kernel-types.ts'

export interface BtfMinOptions {
  readonly target?: string
  readonly output: string
  readonly json?: boolean
}

export async function btfMinCommand(files: readonly string[], options: BtfMinOptions, io: CliIo): Promise<ExitStatus> {
  const kernel = new KernelTypes(options.target, io)
  const resolutions: CoreResolution[] = []
  const failures: AnybpfError[] = []
  let target: Btf | undefined
  for (const file of files) {
    const bytes = await readInput(file, io)
    const spec = await step(EXIT.badInput, file, () => parseObject(bytes))
    target ??= await kernel.read()
    if (target === undefined) {
      throw new CliError(EXIT.badInput, 'ERR_NOT_FOUND', 'no kernel shows its types here: name them with --target')
    }
    await step(EXIT.badInput, file, () => resolveAll(spec, target!, resolutions, failures))
  }
  const part = minimizeBtf(target!, resolutions)
  const bytes = emitBtf(part)
  const { output } = options
  if (output === '-') io.stdout.write(bytes)
  else await step(EXIT.badInput, output, () => writeBytes(output, bytes))
  for (const { message } of failures) io.stderr.write(`anybpf: warning: ${visible(message)}\n`)
  const poisoned = resolutions.filter((one) => one.poisoned).length
  const counts = { relocated: resolutions.length - poisoned, poisoned, failed: failures.length }
  if (output === '-') return EXIT.ok
  const types = part.length - 1
  if (options.json) {
    io.stdout.write(formatJson({ target: kernel.source, output, bytes: bytes.length, types, relocations: counts }))
  } else {
    const many = Object.entries(counts).map(([outcome, count]) => `${formatCount(count)} ${outcome}`)
    io.stdout.write(
      `${visible(output)}: ${formatCount(types)} types, ${formatCount(bytes.length)} bytes; ${many.join(', ')}\n`,
    )
  }
  return EXIT.ok
}

/** A relocation that fails has nothing kept for it; no object that has it can be loaded on that kernel. */
function resolveAll(spec: ObjectSpec, target: Btf, resolutions: CoreResolution[], failures: AnybpfError[]): void {
  for (const { outcome, function: spec_ } of new CoreRelocations(spec, target).all()) {
    if (outcome instanceof AnybpfError) {
      failures.push(new AnybpfError(outcome.code, `${spec_.name}: ${outcome.message}`, { cause: outcome }))
    } else resolutions.push(outcome)
  }
}
