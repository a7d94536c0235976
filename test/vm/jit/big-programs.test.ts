/**
 * Programs of every size are compiled, in time that grows with their size and no faster: functions that are too large for an engine
 * are cut into pieces. Each kind of `big-programs.ts` is what some step of a compiler could be slow at, or run out of.
 */
import { describe, expect, it } from 'vitest'
import { BIG_PROGRAMS, type BigProgram } from '../../../scripts/jit/big-programs.ts'
import { BUILTIN_HELPERS, helpersOf } from '../../../src/helpers/index.ts'
import { linux } from '../../../src/spec/platforms/linux.ts'
import { BpfFault, Interpreter, Jit, type JitPasses, VirtualCpu, VirtualMachine } from '../../../src/vm/index.ts'
import { justInTime } from '../../../src/vm/jit/just-in-time.ts'

const LONG = process.env['ANYBPF_LONG'] === '1'
const MEMORY = 256
const BUDGET = 1_000_000
/** What V8 takes for the slowest of them is a quarter of this. */
const MOST_MS = 30_000

interface Outcome {
  readonly end: string
  readonly memory: Uint8Array
}

function outcome(machine: VirtualMachine, memory: number, run: () => number): Outcome {
  machine.memory.u8.fill(0, memory, memory + MEMORY)
  let end: string
  try {
    end = `r0 = ${run()}`
  } catch (error) {
    if (!(error instanceof BpfFault)) throw error
    end = `${error.kind} at ${error.slot}`
  }
  return { end, memory: machine.memory.read(memory, MEMORY) }
}

/** Runs a program on both engines, and answers how long the JIT took to compile it and run it once, in milliseconds. */
function compare(name: string, { insns, indirectTargets }: BigProgram, verified: boolean, passes: JitPasses): number {
  const platform = linux()
  const machine = new VirtualMachine({ platform, helpers: helpersOf(platform, BUILTIN_HELPERS) })
  const cpu = new VirtualCpu({ machine })
  const memory = machine.memory.allocate(MEMORY)
  const program = machine.addProgram({ name, insns, verified, ...(indirectTargets && { indirectTargets }) })
  const expected = outcome(machine, memory, () => new Interpreter(cpu).run(program, memory, MEMORY, { budget: BUDGET }))
  const jit = new Jit(cpu, justInTime(passes))
  const began = performance.now()
  const found = outcome(machine, memory, () => jit.run(program, memory, MEMORY, { budget: BUDGET }))
  const took = performance.now() - began
  expect(found).toEqual(expected)
  return took
}

describe('programs that are cut into pieces', () => {
  it.each(Object.keys(BIG_PROGRAMS))('do what the interpreter does: %s', (name) => {
    for (const pieceInsns of [3, 50, 333]) {
      for (const verified of [true, false]) compare(name, BIG_PROGRAMS[name]!(1000), verified, { pieceInsns })
    }
  })
})

describe.runIf(LONG)('the largest programs', () => {
  it.each(Object.keys(BIG_PROGRAMS))(
    'of 65,536 instructions, verified, and of 200,000, unverified: %s',
    (name) => {
      expect(compare(name, BIG_PROGRAMS[name]!(65_536), true, {})).toBeLessThan(MOST_MS)
      expect(compare(name, BIG_PROGRAMS[name]!(200_000), false, {})).toBeLessThan(MOST_MS)
    },
    20 * MOST_MS,
  )
})

it('a large program is compiled as one of the largest is', () => {
  expect(compare('one block', BIG_PROGRAMS['one block']!(65_536), true, {})).toBeLessThan(MOST_MS)
})
