/**
 * The gallery of rejections: each program is rejected for what its explanation says, what the explanation suggests makes it
 * pass, and the running kernel is of the same opinion, where it can be asked.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { GALLERY, type GalleryCase } from '../../scripts/rejection-cases.ts'
import { GALLERY_PATH, printExplanation, renderReadme } from '../../scripts/rejection-gallery.ts'
import { kernelQuestion } from '../../scripts/score/kernel-question.ts'
import { parseElf } from '../../src/elf/index.ts'
import { VerifyInput } from '../../src/loader/index.ts'
import { parseObject } from '../../src/object/index.ts'
import { linux } from '../../src/spec/index.ts'
import type { VerifierProgram } from '../../src/verifier/program.ts'
import type { Report } from '../../src/verifier/report/report.ts'
import { verify } from '../../src/verifier/verify.ts'
import { KERNEL, openKernel } from '../support/kernel.ts'

const PLATFORM = linux(KERNEL)
const CASES = GALLERY.map((one) => [one.name, one] as const)
/** The program that needs a million instructions takes its time. */
const TIMEOUT = 120_000

const path = (file: string): string => join(GALLERY_PATH, file)
const bytes = (file: string): Uint8Array => new Uint8Array(readFileSync(path(file)))

function program(file: string): VerifierProgram {
  const spec = parseObject(bytes(file))
  const programs = Object.values(spec.programs)
  expect(programs).toHaveLength(1)
  return new VerifyInput(spec, PLATFORM).program(programs[0]!)
}

const reports = new Map<string, Report>()

const authorOf = ({ author }: GalleryCase): 'trusted' | 'untrusted' => author ?? 'trusted'

function reportOf(one: GalleryCase): Report {
  const { name } = one
  const report = reports.get(name) ?? verify(program(`${name}.el.o`), PLATFORM, { author: authorOf(one) })
  reports.set(name, report)
  return report
}

describe('the gallery', () => {
  const files = readdirSync(GALLERY_PATH)

  it('has all files of each program, and no others', () => {
    const parts = ['.c', '.el.o', '.fixed.c', '.fixed.el.o', '.txt']
    const wanted = GALLERY.flatMap(({ name }) => parts.map((part) => name + part))
    expect(files.sort()).toEqual([...wanted, 'README.md'].sort())
  })

  it('has a README with a current table', () => {
    const readme = readFileSync(path('README.md'), 'utf8')
    expect(readme, 'run npm run generate').toBe(renderReadme(readme))
  })

  it('tells as many kinds of rejections apart as it claims', () => {
    expect(GALLERY.length).toBeGreaterThanOrEqual(25)
    expect(new Set(GALLERY.map(({ shows }) => shows)).size).toBe(GALLERY.length)
  })
})

describe.each(CASES)('%s', (name, one) => {
  it('is explained as recorded', { timeout: TIMEOUT }, async () => {
    expect(await printExplanation(one), 'run npm run generate').toBe(readFileSync(path(`${name}.txt`), 'utf8'))
  })

  it('is rejected for its code, at its line, with the message of Linux', { timeout: TIMEOUT }, () => {
    const { error } = reportOf(one)
    expect(error?.code).toBe(one.code)
    const source = readFileSync(path(`${name}.c`), 'utf8').split('\n')
    expect(source[error!.source!.line - 1]?.trim()).toBe(one.line)
    expect(error!.source!.text.trim()).toBe(one.line)
    expect(error!.lines.join('\n')).toContain(one.says)
  })

  it('names the cause, and what mends it', { timeout: TIMEOUT }, () => {
    const { error } = reportOf(one)
    for (const word of one.names) expect(error?.reason).toContain(word)
    for (const word of one.fix) expect(error?.fix).toContain(word)
    // A reason in the user's terms, not the kernel's line again.
    expect(error?.reason).not.toContain(error?.message)
  })

  it('passes when it is mended', () => {
    expect(verify(program(`${name}.fixed.el.o`), PLATFORM, { author: authorOf(one) }).error).toBeUndefined()
  })
})

const kernel = await openKernel()
afterAll(() => kernel.close())

describe.skipIf(kernel.unavailable !== '')(
  `the running kernel${kernel.unavailable === '' ? '' : ` (skipped: ${kernel.unavailable})`}`,
  () => {
    const ask = (file: string, one: GalleryCase) => {
      const elf = parseElf(bytes(file))
      const types = elf.data(elf.section('.BTF')!)
      return kernel.ask(authorOf(one), kernelQuestion(program(file), PLATFORM, { types }))
    }

    it.each(CASES)('rejects %s with the same message', { timeout: TIMEOUT }, async (name, one) => {
      const { error, accepted, log } = await ask(`${name}.el.o`, one)
      expect([error, accepted]).toEqual([undefined, false])
      expect(log!.join('\n')).toContain(one.says)
    })

    it.each(CASES)('accepts %s when it is mended', async (name, one) => {
      const { error, accepted, log } = await ask(`${name}.fixed.el.o`, one)
      expect([error, accepted], log?.join('\n')).toEqual([undefined, true])
    })
  },
)

const clang = process.env['CLANG'] ?? 'clang-19'
const haveClang = spawnSync(clang, ['--version']).status === 0 && spawnSync('llvm-strip-19', ['--version']).status === 0

describe.skipIf(!haveClang)(`compiled again${haveClang ? '' : ` (skipped: no ${clang})`}`, () => {
  it('gives the same objects', { timeout: TIMEOUT }, () => {
    const out = mkdtempSync(join(tmpdir(), 'anybpf-gallery-'))
    try {
      execFileSync('bash', [join(GALLERY_PATH, '..', '..', 'scripts', 'build-rejections.sh')], {
        env: { ...process.env, OUT: out },
      })
      for (const file of readdirSync(out)) expect(readFileSync(join(out, file)).equals(bytes(file)), file).toBe(true)
      expect(readdirSync(out)).toHaveLength(2 * GALLERY.length)
    } finally {
      rmSync(out, { recursive: true, force: true })
    }
  })
})
