/**
 * The domain says, after every instruction of recorded programs, exactly what the Linux kernel's verifier said: same bits,
 * same bounds, on both ways of every branch, and the same branches known beforehand.
 *
 * `kernel-states.json` holds random straight-line programs, and what the log (level 2) of Linux 6.18.44 showed of the
 * registers. Registers 1 to 9 are unknown at the beginning; a jump's target is of no consequence.
 */
import { describe, expect, it } from 'vitest'
import { assemble } from '../../../src/isa/index.ts'
import type { Scalar } from '../../../src/verifier/domain/scalar.ts'
import recorded from './kernel-states.json' with { type: 'json' }
import { Machine, parseLinuxScalar } from './machine.ts'

/**
 * Steps: an instruction, then what was said of each register that it changed; `jumped`: where the jump is taken (else,
 * where it falls through).
 */
const programs: readonly (readonly string[])[] = recorded

/** What can be printed of a scalar: Linux prints of a constant only the value. */
function printable(scalar: Scalar): unknown {
  return scalar.isConstant ? [scalar.valueLow, scalar.valueHigh] : { ...scalar }
}

function checkStep(machine: Machine, text: string): void {
  const [insn, ...states] = text.split(' ; ') as [string, ...string[]]
  const step = machine.step(assemble(`${insn}\nexit`)[0]!)
  if (step.taken !== undefined) {
    expect(step.taken, insn).toBe(states.includes('taken') ? 1 : states.includes('not taken') ? 0 : -1)
  }
  for (const state of states) {
    const [, jumped, register, scalar] = /^(jumped )?r(\d)=(.*)$/.exec(state) ?? []
    if (register === undefined || scalar === undefined) continue
    const actual = jumped === undefined ? machine.regs[Number(register)] : step.jumped?.get(Number(register))
    expect(actual && printable(actual), text).toEqual(printable(parseLinuxScalar(scalar)))
  }
}

describe('recorded kernel states', () => {
  it('are many', () => {
    const states = programs.flat().flatMap((step) => step.split(' ; ').slice(1))
    expect(programs.length).toBeGreaterThanOrEqual(100)
    expect(states.length).toBeGreaterThan(1500)
    expect(states.filter((state) => state.startsWith('jumped')).length).toBeGreaterThan(200)
  })

  it.each(programs.map((steps, i) => [i, steps] as const))(
    'program %i: every register as in the kernel',
    (_, steps) => {
      const machine = new Machine()
      for (const step of steps) checkStep(machine, step)
    },
  )
})
