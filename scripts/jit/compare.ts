/**
 * Runs one program on the interpreter and on the JIT, and says what differs: r0, all memory that programs can see (maps
 * included), what was charged, and of a fault which and where.
 * @module
 */
import { BpfFault, type ExecutableProgram, type FaultKind } from '../../src/vm/index.ts'
import { type GeneratedProgram, JITS } from './generator/generate.ts'
import { MEMORY_SIZE, type World } from './world.ts'

/** How a run ended. */
export interface Outcome {
  /** r0, in halves; undefined after a fault. */
  readonly r0: readonly [low: number, high: number] | undefined
  readonly fault: RunFault | undefined
  readonly charged: number
}

interface RunFault {
  /** `error`: what no engine may throw. */
  readonly kind: FaultKind | 'error'
  readonly slot: number
  readonly program: string
  readonly text: string
}

/** The program did what the generator promised that it would not. */
export class InvalidProgram extends Error {
  override readonly name = 'InvalidProgram'
}

/** Faults before which the JIT does not write down how much of the budget is left. */
const UNCHARGED: ReadonlySet<RunFault['kind']> = new Set(['out_of_bounds', 'misaligned_atomic'])

export interface Comparison {
  /** What the interpreter came to. */
  readonly reference: Outcome
  /** Undefined: nothing differs. */
  readonly difference: string | undefined
}

let copy: Uint8Array | undefined

/** Throws {@link InvalidProgram}. */
export function compare(world: World, generated: GeneratedProgram): Comparison {
  const { machine } = world
  const add = (name: string, { insns, indirectTargets }: Pick<GeneratedProgram, 'insns' | 'indirectTargets'>) =>
    machine.addProgram({ name, insns, indirectTargets, verified: generated.verified })
  const program = add('main', generated)
  const tails = generated.tails.map((tail, i) => add(`tail${i}`, tail))
  world.choosePasses(generated.seed)
  const { jit } = world.jits[JITS.indexOf(generated.passes)]!
  try {
    const indices = tails.map(({ index }) => index)
    const { seed, budget, faulty } = generated
    const run = (engine: 'interpreter' | 'jit', limit: number): Outcome => {
      world.restart(seed, indices)
      const { memory } = world.layout
      if (engine === 'jit') return outcome(world, jit, () => jit.run(program, memory, MEMORY_SIZE, { budget: limit }))
      const options = { budget: limit, checked: !faulty }
      return outcome(world, world.interpreter, () => world.interpreter.run(program, memory, MEMORY_SIZE, options))
    }
    const reference = run('interpreter', budget)
    if (!faulty && reference.fault !== undefined && reference.fault.kind !== 'budget') {
      throw new InvalidProgram(`seed ${seed}: ${reference.fault.text}`)
    }
    copy = world.snapshot(copy)
    const charges = generated.charges || reference.fault?.kind === 'budget'
    return { reference, difference: differs(world, reference, run('jit', charges ? budget : 0), copy, charges) }
  } finally {
    for (const one of [program, ...tails]) forget(world, one)
  }
}

function forget(world: World, program: ExecutableProgram): void {
  for (const { jit } of world.jits) jit.forget(program)
  world.machine.removeProgram(program)
}

function outcome(world: World, engine: { readonly charged: number }, run: () => void): Outcome {
  try {
    run()
  } catch (error) {
    if (!(error instanceof BpfFault)) {
      return {
        r0: undefined,
        fault: { kind: 'error', slot: -1, program: '', text: String(error) },
        charged: Number.NaN,
      }
    }
    const { kind, slot, details, message } = error
    return { r0: undefined, fault: { kind, slot, program: details.program, text: message }, charged: engine.charged }
  }
  const { registers } = world.cpu
  return { r0: [registers[0]!, registers[1]!], fault: undefined, charged: engine.charged }
}

function differs(
  world: World,
  reference: Outcome,
  jit: Outcome,
  memory: Uint8Array,
  charges: boolean,
): string | undefined {
  const mode = charges ? 'with a budget' : 'without a budget'
  const says = (interpreter: string, jit: string): string => `JIT ${mode}: ${jit}; interpreter: ${interpreter}`
  if (endOf(reference) !== endOf(jit) && !isNullWrite(reference, jit)) return says(endText(reference), endText(jit))
  const exact = jit.fault === undefined || !UNCHARGED.has(jit.fault.kind)
  if (charges && exact && reference.charged !== jit.charged) {
    return says(`charged ${reference.charged}`, `charged ${jit.charged}`)
  }
  const at = world.difference(memory)
  if (at === undefined) return undefined
  const place = at - world.layout.memory
  const where = place >= 0 && place < MEMORY_SIZE ? `memory + ${place}` : `address 0x${at.toString(16)}`
  const { u8 } = world.machine.memory
  return says(`${where} is 0x${memory[at]!.toString(16)}`, `0x${u8[at]!.toString(16)}`)
}

function endOf({ r0, fault }: Outcome): string {
  return r0 !== undefined ? `${r0[0]} ${r0[1]}` : `${fault!.kind} ${fault!.slot} ${fault!.program}`
}

/** Code that nobody verified traps at a write to page zero as it does where there is no memory, unless the address is a constant. */
function isNullWrite(reference: Outcome, jit: Outcome): boolean {
  const [a, b] = [reference.fault, jit.fault]
  if (a?.kind !== 'null' || b?.kind !== 'out_of_bounds') return false
  return a.slot === b.slot && a.program === b.program
}

function endText({ r0, fault }: Outcome): string {
  if (fault !== undefined) return `${fault.kind} (${fault.text})`
  return `r0 = 0x${[r0![1], r0![0]].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')}`
}
