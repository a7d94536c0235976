/**
 * The numbered statements of `docs/verifier.md`: each with its programs from `statements/`, that neither has an id that the
 * other lacks, and that the running kernel gives the same verdicts, where it can be asked.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { kernelQuestion } from '../../scripts/score/kernel-question.ts'
import { linux } from '../../src/spec/index.ts'
import type { VerifyOptions } from '../../src/verifier/program.ts'
import { REJECTION_CATEGORIES, REJECTION_CODES } from '../../src/verifier/report/codes.ts'
import type { Report } from '../../src/verifier/report/report.ts'
import { verify } from '../../src/verifier/verify.ts'
import { KERNEL, openKernel } from '../support/kernel.ts'
import { CASE_TYPES, caseProgram, type VerifyCase } from '../support/verifier-cases.ts'
import { STATEMENTS } from './statements/index.ts'

const DOCUMENT = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'verifier.md'), 'utf8')
const PLATFORM = linux(KERNEL)
const STRICT_ALIGNMENT = 1

/** The statements of the document: id and text, in its order. */
const documented = [...DOCUMENT.matchAll(/^\*\*(V\d+)\.\*\* ([\s\S]*?)\n\n/gm)].map((match) => ({
  id: match[1]!,
  text: match[2]!.replaceAll('\n', ' '),
}))

const ALL: readonly (readonly [string, VerifyCase])[] = Object.entries(STATEMENTS).flatMap(([id, cases]) =>
  cases.map((one) => [`${id}: ${title(one)}`, one] as const),
)

describe('the document', () => {
  it('numbers its statements in order', () => {
    expect(documented.map((statement) => statement.id)).toEqual(documented.map((_, i) => `V${i + 1}`))
    expect(DOCUMENT.match(/\*\*V\d+\.\*\*/g)).toHaveLength(documented.length)
  })

  it('has tests for each statement, and no test is without one', () => {
    expect(Object.keys(STATEMENTS).sort()).toEqual(documented.map((statement) => statement.id).sort())
  })

  it('is shown by programs that are accepted, and by programs that are rejected', () => {
    for (const [id, cases] of Object.entries(STATEMENTS)) {
      const accepted = cases.filter(({ verdict }) => verdict === 'accept').length
      expect([accepted > 0, accepted < cases.length], id).toEqual([true, true])
    }
  })
})

describe.each(documented)('$id: $text', ({ id }) => {
  it.each((STATEMENTS[id] ?? []).map((one) => [title(one), one] as const))('%s', (_, one) => {
    expect(judge(one).error?.code ?? 'accept').toBe(one.verdict)
  })
})

describe('V3, for every program: the same question has the same answer', () => {
  it.each(ALL)('%s', (_, one) => {
    expect(withoutTime(judge(one))).toEqual(withoutTime(judge(one)))
  })
})

describe('V4, for every rejection', () => {
  it.each(ALL.filter(([, { verdict }]) => verdict !== 'accept'))('%s', (_, one) => {
    const { error } = judge(one)
    expect(Object.keys(REJECTION_CATEGORIES)).toContain(error!.category)
    expect(error!.category).toBe(REJECTION_CODES[error!.code])
    expect(error!.reason).not.toBe('')
    // The depth of the stack is a matter of the whole program.
    if (error!.code !== 'too_much_stack') expect(error!.text).toBeDefined()
  })
})

const kernel = await openKernel()
afterAll(() => kernel.close())

describe.skipIf(kernel.unavailable !== '')(
  `the running kernel${kernel.unavailable === '' ? '' : ` (skipped: ${kernel.unavailable})`}`,
  () => {
    // The encoder refuses what no instruction is, and the kernel's limits are its own.
    const asked = ALL.filter(([, { bytes, insnLimit }]) => bytes === undefined && insnLimit === undefined)

    it.each(asked)('%s', async (_, one) => {
      const flags = one.alignment === 'strict' ? STRICT_ALIGNMENT : 0
      const question = kernelQuestion(caseProgram(one, PLATFORM), PLATFORM, { types: CASE_TYPES, flags })
      const { error, accepted, log } = await kernel.ask(one.author ?? 'trusted', question)
      expect(error).toBeUndefined()
      expect(accepted, log?.join('\n')).toBe(one.verdict === 'accept')
    })
  },
)

function judge(one: VerifyCase): Report {
  const options: VerifyOptions = {
    author: one.author ?? 'trusted',
    ...(one.alignment !== undefined && { alignment: one.alignment }),
    ...(one.insnLimit !== undefined && { insnLimit: one.insnLimit }),
  }
  return verify(caseProgram(one, PLATFORM), PLATFORM, options)
}

function withoutTime(report: Report): object {
  return { ...report, stats: { ...report.stats, ms: 0 } }
}

function title({ verdict, program, bytes, author, type, alignment, license }: VerifyCase): string {
  const text = (bytes ?? program).replace(/\s*\n\s*/g, ' ')
  const for_ = [author, type, alignment, license].filter((one) => one !== undefined).join(', ')
  return `${verdict}: ${text.length > 140 ? `${text.slice(0, 140)}…` : text}${for_ === '' ? '' : ` (${for_})`}`
}
