/**
 * Random programs that the verifier accepts, run in a hostile world: at every instruction the machine is in a state that
 * the verifier knew could be, and no program does what it may not.
 */
import { describe, expect, it } from 'vitest'
import { Campaign } from '../../scripts/soundness/campaign.ts'
import { Generator } from '../../scripts/soundness/generator/generate.ts'
import { runs, SEED } from '../support/runs.ts'

const MINUTES = 60_000

describe('random programs', () => {
  it(
    'that are accepted do what the verifier said, at every instruction',
    () => {
      const campaign = new Campaign({ seed: SEED, programs: runs(20_000) })
      const before = process.cpuUsage()
      campaign.run()
      const { user, system } = process.cpuUsage(before)
      const { statistics, violations } = campaign
      campaign.dispose()
      console.log(statistics.report((user + system) / 1e6))
      expect(violations.map(({ message }) => message)).toEqual([])
      expect(statistics.accepted).toBeGreaterThanOrEqual(runs(20_000))
      // They are worth running: most are accepted, and they branch, loop, and compute where they access memory.
      expect(statistics.accepted / statistics.generated).toBeGreaterThan(0.5)
      expect(statistics.branching / statistics.accepted).toBeGreaterThan(0.5)
      expect(statistics.variable / statistics.accepted).toBeGreaterThan(1 / 3)
      expect(statistics.outcomes.get('finished')).toBeGreaterThan(3 * statistics.accepted)
    },
    20 * MINUTES,
  )

  it('are the same for the same seed', () => {
    const one = new Generator({ maps: [] })
    const other = new Generator({ maps: [] })
    for (let seed = 0; seed < 50; seed++) {
      expect(other.generate(seed).program.insns).toEqual(one.generate(seed).program.insns)
    }
  })
})
