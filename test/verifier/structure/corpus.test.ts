/**
 * The kernel's own verifier tests, as far as they fail before exploration: the last message of a 6.18 kernel, word for
 * word; and nothing that goes further there is refused here. Skipped where the corpus is not at hand.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { caseOptions, caseProgram, lastMessage, readVerifierCorpus } from '../../../scripts/score/verifier-corpus.ts'
import { createEnvironment } from '../../../src/verifier/check-program.ts'
import { checkStructure } from '../../../src/verifier/structure/check.ts'
import { PLATFORM, verdictOf } from './programs.ts'

const PATH = resolve(process.env['ANYBPF_CORPUS'] ?? '../shared/corpus', 'test_verifier.json')
const present = existsSync(PATH)
if (!present) console.info(`skipped: ${PATH} is not there`)

describe.skipIf(!present)('structural verdicts of the corpus', () => {
  it('are the kernel’s', () => {
    const corpus = readVerifierCorpus(PATH)
    let structural = 0
    for (const test of corpus.tests) {
      const { verdict, insns_processed: processed, log_tail: log } = test.linux618
      if (verdict === 'SKIP') continue
      const env = createEnvironment(caseProgram(corpus, test), PLATFORM, { ...caseOptions(test), author: 'trusted' })
      const fails = verdict === 'REJECT' && processed === 0
      if (fails) structural++
      const expected = fails ? lastMessage(log ?? '') : 'accept'
      expect(
        verdictOf(() => checkStructure(env))
          .split('; ')
          .at(-1),
        test.id,
      ).toBe(expected)
    }
    expect(structural).toBeGreaterThan(20)
  }, 120_000)
})
