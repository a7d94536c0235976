/**
 * Random programs do the same on the JIT as on the interpreter: r0, memory, maps, and where a fault or the budget ends them, the
 * same place. `npm run -s jit-check` does this for as long as one likes.
 */
import { describe, expect, it } from 'vitest'
import { runCampaign } from '../../../scripts/jit/campaign.ts'
import { generate } from '../../../scripts/jit/generator/generate.ts'
import { World } from '../../../scripts/jit/world.ts'
import { assemble } from '../../../src/isa/index.ts'
import { executeRawOnAll } from '../../support/both-engines.ts'
import { runs, SEED } from '../../support/runs.ts'

const MINUTES = 60_000
const PROGRAMS = runs(50_000)

describe('the JIT', () => {
  it(
    'does what the interpreter does, in random programs',
    () => {
      const { coverage, found } = runCampaign({ seed: SEED, programs: PROGRAMS })
      console.log(`programs of seed ${SEED} on\n${coverage.report()}`)
      expect(found?.text).toBeUndefined()
      expect(coverage.programs).toBe(PROGRAMS)
      // Every opcode, in both operand forms: at least one program in a hundred has it.
      expect(coverage.below(runs(500))).toEqual([])
      // Most programs run to their end; those that do not end in every way there is.
      expect(coverage.ends.get('finished')).toBeGreaterThan(0.8 * PROGRAMS)
      expect([...coverage.ends.keys()].sort()).toEqual([
        'bad_call',
        'bad_jump',
        'budget',
        'call_depth',
        'finished',
        'helper',
        'misaligned_atomic',
        'null',
        'out_of_bounds',
        'unknown_helper',
      ])
    },
    20 * MINUTES,
  )

  it('is given the same programs for the same seed', () => {
    const { layout } = new World()
    for (let seed = 0; seed < 50; seed++) expect(generate(seed, layout)).toEqual(generate(seed, new World().layout))
  })

  it('enters a cycle at either of two places', () => {
    // Found by the above: the edges into the cycle and inside of it made their choice in one node.
    const program = (first: number): string => `r1 = ${first}
      r2 = 0
      if r1 s< 5 goto second
      first:
      r0 += 3
      second:
      r0 *= 7
      r2 += 1
      if r2 s< 4 goto first
      exit`
    expect(executeRawOnAll(assemble(program(9))).r0).toBe(8400n)
    expect(executeRawOnAll(assemble(program(1))).r0).toBe(1197n)
  })
})
