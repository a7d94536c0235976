/**
 * The commands of contributors, `npm run score` and `npm run soundness`: what makes no sense is told in a few words, never
 * as a stack trace. What they measure is shown by the suites themselves.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { SUITES, suitePathProblem } from '../../scripts/score/suites.ts'

const directory = mkdtempSync(join(tmpdir(), 'anybpf-score-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function command(name: 'score' | 'soundness', ...args: readonly string[]) {
  return spawnSync(process.execPath, ['--import', 'tsx', `scripts/${name}/main.ts`, ...args], { encoding: 'utf8' })
}

describe('score', () => {
  it('names every suite, with what it wants', () => {
    const { status, stderr } = command('score')
    expect(status).toBe(2)
    for (const [name, { path }] of Object.entries(SUITES)) {
      expect(stderr).toMatch(new RegExp(`^  ${name} +${path.replaceAll('.', '\\.')}(?:  .*)?$`, 'm'))
      expect(existsSync(`scripts/score/${name.replaceAll('_', '-')}.ts`), name).toBe(true)
    }
    expect(command('score', '--help').stdout).toContain('usage: npm run -s score')
  })

  it.each<[readonly string[], number, string]>([
    [['nonsense', '.'], 2, 'no suite nonsense; there are conformance, '],
    [['toString', '.'], 2, 'no suite toString; there are conformance, '],
    [['objects'], 2, 'objects wants a PATH: the folder objects/, with verdicts.json'],
    [['objects', 'examples', '--onyl=x'], 2, 'objects has no option --onyl; it has --only=TEXT'],
    [['objects', 'examples', 'more'], 2, 'one suite and one path, not also more'],
    [['load', '/no/such/path'], 3, 'load: there is no /no/such/path; PATH is the folder objects/'],
    [['facts', 'README.md'], 3, 'facts: README.md is not JSON; PATH is the file kernel-facts.json'],
  ])('refuses %j in one line', (args, wanted, words) => {
    const { status, stdout, stderr } = command('score', ...args)
    expect(stderr.startsWith(words), stderr).toBe(true)
    expect(stderr.split('\n')).toHaveLength(2)
    expect([status, stdout]).toEqual([wanted, ''])
  })

  it.each(Object.entries(SUITES))('%s wants a path that has what it reads', (_, row) => {
    expect(suitePathProblem(row, 'examples')).toBeDefined()
    expect(suitePathProblem(row, 'package.json')).toBeDefined()
    expect(suitePathProblem(row, join(directory, 'absent'))).toMatch(/^there is no /)
  })

  it('takes a path that has it', () => {
    const file = join(directory, 'kernel-facts.json')
    writeFileSync(file, '{"types": {}}')
    expect(suitePathProblem(SUITES['facts']!, file)).toBeUndefined()
    expect(suitePathProblem(SUITES['test_bpf']!, file)).toBe(`${file} has no tests`)
    writeFileSync(join(directory, 'verdicts.json'), '[]')
    expect(suitePathProblem(SUITES['objects']!, directory)).toBeUndefined()
  })
})

describe('soundness', () => {
  it.each<readonly string[][]>([
    [['--nonsense', '1']],
    [['--programs']],
    [['--programs', 'many']],
    [['--only', 'packet']],
    [['--planted', '--corpus', '.']],
  ])('refuses %j with its usage', (args) => {
    const { status, stdout, stderr } = command('soundness', ...args)
    expect(stderr).toMatch(/^usage: npm run -s soundness -- \[--programs N\]/)
    expect([status, stdout]).toEqual([2, ''])
  })

  it('plants the mistakes that are named, and knows no others', () => {
    const none = command('soundness', '--planted', '--only', 'no such mistake')
    expect([none.status, none.stderr]).toEqual([2, 'no planted mistake has "no such mistake" in its name\n'])
    const { status, stdout } = command('soundness', '--planted', '--only', 'CVE-2022-23222', '--programs', '0')
    expect(stdout).toMatch(/^NOT CAUGHT CVE-2022-23222: .*\nplanted bugs: 1 not caught\n$/)
    expect(status).toBe(1)
  })
})
