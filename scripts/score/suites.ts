/**
 * The suites of `npm run score`, and what each is given.
 * @module
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

export interface SuiteRow {
  /** What PATH is, in words. */
  readonly path: string
  /** Relative to PATH (empty: PATH itself): JSON that the suite reads, and what must be in it: a list, or a member's name. */
  readonly reads: Readonly<Record<string, 'list' | { readonly member: string }>>
  /** Options of its own: `name`, or `name=VALUE`. */
  readonly options: readonly string[]
  /** Whether it asks the running kernel. */
  readonly root?: boolean
}

const OBJECTS = 'the folder objects/, with verdicts.json'
const TESTS = { member: 'tests' } as const

export const SUITES: Readonly<Record<string, SuiteRow>> = {
  conformance: { path: 'the file conformance.json', reads: { '': TESTS }, options: [] },
  test_bpf: { path: 'the file test_bpf.json', reads: { '': TESTS }, options: [] },
  load: { path: OBJECTS, reads: { 'verdicts.json': 'list' }, options: [] },
  run: { path: OBJECTS, reads: { 'verdicts.json': 'list' }, options: [], root: true },
  test_verifier: {
    path: 'the file test_verifier.json',
    reads: { '': { member: 'map_kinds' } },
    options: ['no-perfmon', 'only=TEXT', 'details'],
  },
  objects: { path: OBJECTS, reads: { 'verdicts.json': 'list' }, options: ['only=TEXT', 'once', 'slowest=N'] },
  mutants: {
    path: `${OBJECTS}, beside test_verifier.json`,
    reads: { 'verdicts.json': 'list', '../test_verifier.json': { member: 'map_kinds' } },
    options: ['count=N', 'seed=N'],
    root: true,
  },
  facts: { path: 'the file kernel-facts.json', reads: { '': { member: 'types' } }, options: ['only=TEXT'] },
}

/** Why a path is not what a suite wants; undefined if it is. */
export function suitePathProblem({ reads }: SuiteRow, path: string): string | undefined {
  if (!existsSync(path)) return `there is no ${path}`
  for (const [relative, wanted] of Object.entries(reads)) {
    const file = relative === '' ? path : join(path, relative)
    if (!existsSync(file)) return `there is no ${file}`
    if (!statSync(file).isFile()) return `${file} is no file`
    const problem = contentProblem(file, wanted)
    if (problem !== undefined) return problem
  }
  return undefined
}

function contentProblem(file: string, wanted: 'list' | { readonly member: string }): string | undefined {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    return error instanceof SyntaxError ? `${file} is not JSON` : `${file} cannot be read`
  }
  if (wanted === 'list') return Array.isArray(content) ? undefined : `${file} has no list of verdicts`
  if (typeof content === 'object' && content !== null && Object.hasOwn(content, wanted.member)) return undefined
  return `${file} has no ${wanted.member}`
}
