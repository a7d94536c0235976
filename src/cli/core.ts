/**
 * CO-RE relocations as `inspect --core` tells them.
 * @module
 */
import { type CoreExplanation, explainCore, parseObject } from '../object/index.ts'
import type { Style } from './streams.ts'
import { visible } from './text.ts'
import type { KernelTypes } from './verify/kernel-types.ts'

export interface CoreInspection {
  /** File of the types that were tried; null where there are none. */
  readonly target: string | null
  readonly relocations: readonly CoreExplanation[]
}

/** Resolves an object's relocations. Throws what reading the target throws. */
export async function inspectCore(bytes: Uint8Array, kernel: KernelTypes): Promise<CoreInspection> {
  const spec = parseObject(bytes)
  const target = await kernel.targetOf(spec)
  const source = target === undefined ? undefined : kernel.source
  return { target: source ?? null, relocations: explainCore(spec, target) }
}

export function printCore({ target, relocations }: CoreInspection, style: Style): string {
  if (target === null) {
    return `${style.bold('CO-RE')}\n  nothing to resolve, or no types to resolve it to: the instructions stay as they were compiled\n`
  }
  let text = `${style.bold(`CO-RE, against ${visible(target)}`)}\n`
  let at = ''
  for (const one of relocations) {
    const where = `${one.function}, section ${one.section}`
    if (where !== at) text += `  ${visible(where)}\n`
    at = where
    text += printRelocation(one, style)
  }
  const counts = (['relocated', 'poisoned', 'failed'] as const).map(
    (outcome) => `${relocations.filter((one) => one.outcome === outcome).length} ${outcome}`,
  )
  return `${text}  ${relocations.length} relocations: ${counts.join(', ')}\n`
}

function printRelocation(one: CoreExplanation, style: Style): string {
  const { insn, kind, local, candidates } = one
  let text = `    insn ${insn}: ${local === undefined ? `<${kind}>` : visible(local.spec)}\n`
  for (const candidate of candidates) {
    const where = withoutKind(candidate.spec)
    // How far a path was followed that ends nowhere says little.
    const line = candidate.matches ? `found in ${where}` : `not in ${where.replace(/^(\[\d+\] \S+ [^.[ ]+).*/, '$1')}`
    text += `${style.dim(`      ${visible(line)}`)}\n`
  }
  return `${text}      ${outcomeText(one, style)}\n`
}

/** `<byte_off> [8] struct s.x (0:1 @ offset 4)`: the kind is that of the relocation. */
function withoutKind(spec: string): string {
  return spec.replace(/^<\w+> /, '')
}

function outcomeText({ outcome, reason, before, value, resized }: CoreExplanation, style: Style): string {
  switch (outcome) {
    case 'relocated': {
      const number =
        before === undefined ? `becomes ${value}` : before === value ? `stays ${value}` : `${before} becomes ${value}`
      return style.green(resized === undefined ? number : `${number}, ${resized[0]} bytes become ${resized[1]}`)
    }
    case 'poisoned':
      return style.yellow(`poisoned: ${visible(reason ?? '')}`)
    case 'failed':
      return style.red(`cannot be loaded: ${visible(reason ?? '')}`)
  }
}
