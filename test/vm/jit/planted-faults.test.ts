/**
 * The comparison of the engines can fail: each of more than twenty known faults of compilers, planted into the JIT one at a time,
 * is caught by it. A few are tried always, every other one with ANYBPF_LONG=1, all of them by `npm run jit-check -- --planted`; that each
 * still fits the source is checked always.
 */
import { describe, expect, it } from 'vitest'
import { HUNT_PROGRAMS, huntFault, huntText, located } from '../../../scripts/jit/planted-faults.ts'
import { JIT_PLANTS } from '../../../scripts/jit/plants.ts'
import { plantedSource } from '../../../scripts/programs/planting.ts'
import { SEED } from '../../support/runs.ts'

const MINUTES = 60_000
/** Parts of the names of those that are tried always. */
const QUICK = ['sign-extended', 'counted twice', 'share their choice', 'wrong way round']

const long = process.env['ANYBPF_LONG'] === '1'
const tried = JIT_PLANTS.filter(({ name }, i) => (long && i % 2 === 0) || QUICK.some((part) => name.includes(part)))

describe('a fault planted into the JIT', () => {
  it('fits the source', () => {
    expect(JIT_PLANTS.length).toBeGreaterThanOrEqual(20)
    expect(new Set(JIT_PLANTS.map(({ name }) => name)).size).toBe(JIT_PLANTS.length)
    for (const plant of JIT_PLANTS) expect(plantedSource(located(plant))).toContain(plant.replace)
    expect(tried.length).toBeGreaterThanOrEqual(QUICK.length)
  })

  it.each(tried.map((plant) => [plant.name, plant] as const))(
    'is caught: %s',
    async (_, plant) => {
      const result = await huntFault(plant, { seed: SEED, programs: HUNT_PROGRAMS })
      console.log(huntText(plant, result))
      expect(result.message).toContain('JIT')
    },
    20 * MINUTES,
  )

  it('none, and nothing is caught', async () => {
    const result = await huntFault(undefined, { seed: SEED, programs: 200 })
    expect(result.message).toBeUndefined()
    expect(result.programs).toBe(200)
  })
})
