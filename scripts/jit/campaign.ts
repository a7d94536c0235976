/**
 * Programs of consecutive seeds, each compared; stops at the first difference, which is then made small and printed.
 * @module
 */
import { disassemble, printDisassembly } from '../../src/isa/index.ts'
import { compare, InvalidProgram } from './compare.ts'
import { Coverage } from './coverage.ts'
import { type GeneratedCode, type GeneratedProgram, generate } from './generator/generate.ts'
import { shrink } from './shrink.ts'
import { World } from './world.ts'

export interface CampaignOptions {
  /** Of the first program; the next ones have the seeds that follow. */
  readonly seed: number
  readonly programs: number
  /** Whether a program that shows a difference is made small. Default: yes. */
  readonly shrinks?: boolean
  /** Told of progress, now and then. */
  readonly onProgress?: (done: number) => void
}

export interface FoundDifference {
  readonly seed: number
  /** Programs before it. */
  readonly after: number
  /** What differs, and the program. */
  readonly text: string
}

export interface CampaignResult {
  readonly coverage: Coverage
  readonly found: FoundDifference | undefined
}

/** Now and then a world is new, as the first one was. */
const PROGRAMS_PER_WORLD = 1000

export function runCampaign({ seed, programs, shrinks = true, onProgress }: CampaignOptions): CampaignResult {
  const coverage = new Coverage()
  let world = new World()
  for (let i = 0; i < programs; i++) {
    if (i % PROGRAMS_PER_WORLD === PROGRAMS_PER_WORLD - 1) world = new World()
    const program = generate(seed + i, world.layout)
    const text = differenceText(world, program, coverage, shrinks)
    if (text !== undefined) return { coverage, found: { seed: seed + i, after: i, text } }
    if ((i + 1) % 1000 === 0) onProgress?.(i + 1)
  }
  return { coverage, found: undefined }
}

/** Undefined: the engines agree. */
function differenceText(
  world: World,
  program: GeneratedProgram,
  coverage: Coverage,
  shrinks: boolean,
): string | undefined {
  const seed = `seed ${program.seed}`
  try {
    const { reference, difference } = compare(world, program)
    coverage.add(program, reference.fault?.kind ?? 'finished')
    if (difference === undefined) return undefined
    if (!shrinks) return `${seed}: ${difference}`
  } catch (error) {
    if (!(error instanceof InvalidProgram)) throw error
    return `the generator's own mistake: ${error.message}\n${programText(program)}`
  }
  const small = shrink(world, program)
  return `${seed}: ${compare(world, small).difference}\n${programText(small)}`
}

function programText(program: GeneratedProgram): string {
  const { verified, charges, budget, passes } = program
  const mode = `${verified ? 'verified' : 'guarded'}, ${charges ? 'charged' : 'not charged'}, passes: ${passes}`
  const codes: GeneratedCode[] = [program, ...program.tails]
  return [
    `${mode}, budget ${budget}`,
    ...codes.map(({ insns }, i) => `${i === 0 ? 'main' : `tail ${i - 1}`}:\n${printDisassembly(disassemble(insns))}`),
  ].join('\n')
}
