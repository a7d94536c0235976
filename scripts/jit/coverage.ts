/**
 * What is in the programs of a campaign: how many have each encoding of the instruction table, and each rule of the generator.
 * @module
 */
import { INSTRUCTION_TABLE, type Instruction, instructionRow } from '../../src/isa/index.ts'
import type { GeneratedProgram } from './generator/generate.ts'

/** Encodings that a linked program can hold: symbols have become numbers. */
export const LINKED_ENCODINGS: readonly string[] = INSTRUCTION_TABLE.filter(
  ({ decodeOnly, shape }) =>
    decodeOnly !== true && !(shape.kind === 'lddw' && shape.source !== 'imm64' && shape.source !== 'code_addr'),
).map(({ name }) => name)

export class Coverage {
  programs = 0
  instructions = 0
  /** Programs by encoding; those that it may tail-call count as part of it. */
  readonly encodings = new Map<string, number>()
  readonly rules = new Map<string, number>()
  readonly ends = new Map<string, number>()

  add({ insns, tails, rules }: GeneratedProgram, end: string): void {
    this.programs++
    const found = new Set<string>()
    for (const code of [insns, ...tails.map((tail) => tail.insns)]) {
      this.instructions += code.length
      for (const insn of code) found.add(encodingOf(insn))
    }
    found.delete('')
    for (const name of found) count(this.encodings, name)
    for (const name of rules.keys()) count(this.rules, name)
    count(this.ends, end)
  }

  /** Encodings that fewer programs have. */
  below(least: number): string[] {
    return LINKED_ENCODINGS.filter((name) => (this.encodings.get(name) ?? 0) < least)
  }

  report(): string {
    const rarest = LINKED_ENCODINGS.map((name) => [name, this.encodings.get(name) ?? 0] as const)
    rarest.sort((a, b) => a[1] - b[1])
    return [
      `${this.programs} programs of ${(this.instructions / Math.max(1, this.programs)).toFixed(0)} instructions; ` +
        `ends: ${text(this.ends)}`,
      `programs with each of ${LINKED_ENCODINGS.length} encodings, the rarest first: ` +
        rarest.map(([name, programs]) => `${name} ${programs}`).join(', '),
      `programs with each rule: ${text(this.rules)}`,
    ].join('\n')
  }
}

const names = new Map<Instruction['kind'], Map<string, string>>()

/** The encoding's name; of the shape alone, so it is looked up once for each shape. */
function encodingOf(insn: Instruction): string {
  if (insn.kind === 'wide_tail') return ''
  const { op, width, size, signed, fetch, bits, mode, source, target, wide, src } = insn as unknown as Record<
    string,
    unknown
  >
  const form = typeof src === 'object' && src !== null ? 'reg' in src : ''
  const key = `${op} ${width} ${size} ${signed} ${fetch} ${bits} ${mode} ${source} ${target} ${wide} ${form}`
  let known = names.get(insn.kind)
  if (known === undefined) names.set(insn.kind, (known = new Map()))
  let name = known.get(key)
  if (name === undefined) known.set(key, (name = instructionRow(insn)!.name))
  return name
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

function text(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([name, programs]) => `${name} ${programs}`)
    .join(', ')
}
