/** Real objects of others, where the corpus is there: all of `verdicts.json` is found. Skipped otherwise. */
import { describe, expect, it } from 'vitest'
import { score } from '../../scripts/score/load.ts'
import { corpusObjects } from '../support/objects.ts'

const corpus = corpusObjects()

describe.skipIf(corpus === undefined)(`the corpus${corpus === undefined ? ' (not there: skipped)' : ''}`, () => {
  it('loads wholly', { timeout: 120_000 }, async () => {
    const { cases } = await score(corpus!)
    expect(cases.filter((one) => !one.agree)).toEqual([])
    expect(cases.length).toBe(619)
  })
})
