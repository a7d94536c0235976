/**
 * The programs of the corpora that can run here, in a hostile world: no violation either. Skipped where there are no
 * corpora (ANYBPF_CORPUS).
 */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkCases, checkObjects, corporaIn, corpusText } from '../../scripts/soundness/corpus.ts'
import { SEED } from '../support/runs.ts'

const MINUTES = 60_000
const FOLDER = process.env['ANYBPF_CORPUS'] ?? join(import.meta.dirname, '..', '..', '..', 'shared', 'corpus')
/** All of them with ANYBPF_LONG=1, else one in so many. */
const every = process.env['ANYBPF_LONG'] === '1' ? 1 : 10

const { objects, cases } = corporaIn(FOLDER)
if (objects === undefined) console.log(`no objects in ${FOLDER}: the self-check over real programs is skipped`)
if (cases === undefined) console.log(`no test_verifier.json in ${FOLDER}: the self-check over its programs is skipped`)

describe('programs that nobody here wrote', () => {
  it.skipIf(objects === undefined)(
    'of real objects do what the verifier said',
    () => {
      const result = checkObjects(objects!, { seed: SEED, every })
      console.log(corpusText('objects', result))
      expect(result.violations).toEqual([])
      expect(result.ran).toBeGreaterThan(0.9 * result.accepted)
      expect(result.strict).toBeGreaterThan(0.7 * result.ran)
    },
    20 * MINUTES,
  )

  it.skipIf(cases === undefined)(
    'of the kernel’s verifier tests do what the verifier said',
    () => {
      const result = checkCases(cases!, { seed: SEED, every })
      console.log(corpusText('test_verifier', result))
      expect(result.violations).toEqual([])
      expect(result.ran).toBeGreaterThan(0.9 * result.accepted)
    },
    20 * MINUTES,
  )
})
