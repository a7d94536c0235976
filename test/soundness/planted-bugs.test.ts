/**
 * The self-check can fail: each of a dozen known mistakes of verifiers, planted into this one, is caught by it within the
 * programs of one run. A few are tried always, all with ANYBPF_LONG=1; that each still fits the source is checked always.
 */
import { describe, expect, it } from 'vitest'
import { plantedSource } from '../../scripts/programs/planting.ts'
import { HUNT_PROGRAMS, huntPlanted, huntText } from '../../scripts/soundness/planted-bugs.ts'
import { PLANTS } from '../../scripts/soundness/plants.ts'
import { SEED } from '../support/runs.ts'

const MINUTES = 60_000
/** Parts of the names of those that are tried always. */
const QUICK = ['CVE-2020-27194', 'one byte more than there is', 'stays linked']

const long = process.env['ANYBPF_LONG'] === '1'
const tried = PLANTS.filter(({ name }) => long || QUICK.some((part) => name.includes(part)))

describe('planted bugs', () => {
  it('are twelve or more, and all fit the source', () => {
    expect(PLANTS.length).toBeGreaterThanOrEqual(12)
    expect(new Set(PLANTS.map(({ name }) => name)).size).toBe(PLANTS.length)
    for (const plant of PLANTS) expect(plantedSource(plant)).toContain(plant.replace)
    expect(() => plantedSource({ ...PLANTS[0]!, find: 'nothing like this' })).toThrow('0 places')
    expect(tried.length).toBeGreaterThanOrEqual(QUICK.length)
  })

  it.each(tried)(
    '$name',
    async (plant) => {
      const result = await huntPlanted(plant, { seed: SEED, programs: HUNT_PROGRAMS })
      console.log(huntText(plant, result))
      expect(result.message, `not caught within ${result.accepted} programs`).toBeDefined()
    },
    20 * MINUTES,
  )

  it(
    'none, and nothing is caught',
    async () => {
      const result = await huntPlanted(undefined, { seed: SEED, programs: 200 })
      expect(result.message).toBeUndefined()
      expect(result.accepted).toBe(200)
    },
    5 * MINUTES,
  )
})
