/**
 * The generated parts of `docs/verifier.md`: codes, limits, modules, an example of a report.
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { VerifyInput } from '../src/loader/index.ts'
import { parseObject } from '../src/object/index.ts'
import { LINUX_LIMITS, linux } from '../src/spec/index.ts'
import { formatMarkdownTable, type TableColumn } from '../src/util/text-table.ts'
import { DEFAULT_INSN_LIMIT } from '../src/verifier/check-program.ts'
import { MAX_PENDING_BRANCHES } from '../src/verifier/explore/branches.ts'
import { DEFAULT_STATE_LIMIT } from '../src/verifier/explore/exploration.ts'
import { REJECTION_CATEGORIES, REJECTION_CODES, type RejectionCode } from '../src/verifier/report/codes.ts'
import { MAX_INSNS } from '../src/verifier/structure/check.ts'
import { MAX_MAPS } from '../src/verifier/structure/maps.ts'
import { MAX_SUBPROGRAMS } from '../src/verifier/structure/subprograms.ts'
import { verify } from '../src/verifier/verify.ts'
import { STATEMENTS } from '../test/verifier/statements/index.ts'
import { GALLERY } from './rejection-cases.ts'
import { GALLERY_PATH } from './rejection-gallery.ts'

const ROOT = join(import.meta.dirname, '..')
const columns = (...titles: string[]): TableColumn[] => titles.map((title) => ({ title }))
const code = (text: string): string => `\`${text}\``

export function categoriesTable(): string {
  return formatMarkdownTable(columns('category', 'what'), Object.entries(REJECTION_CATEGORIES))
}

/** Each code with the statements and the programs of the gallery that show it. */
export function codesTable(): string {
  const statements = (wanted: string): string[] =>
    Object.entries(STATEMENTS)
      .filter(([, cases]) => cases.some(({ verdict }) => verdict === wanted))
      .map(([id]) => id)
  const gallery = (wanted: RejectionCode): string[] =>
    GALLERY.filter((one) => one.code === wanted).map(({ name }) => `[${name}](../examples/rejections/${name}.txt)`)
  return formatMarkdownTable(
    columns('code', 'category', 'shown by'),
    Object.entries(REJECTION_CODES).map(([name, category]) => [
      code(name),
      category,
      [...statements(name), ...gallery(name as RejectionCode)].join(', '),
    ]),
  )
}

const count = (value: number): string => value.toLocaleString('en')

export function limitsTable(): string {
  const rows: readonly (readonly [string, number, RejectionCode, string])[] = [
    ['slots of a program', MAX_INSNS, 'too_large', 'as in Linux'],
    ['instructions processed', DEFAULT_INSN_LIMIT, 'too_many_instructions', 'as in Linux; `insnLimit`'],
    ['branches that wait', MAX_PENDING_BRANCHES, 'too_many_branches', 'as in Linux'],
    ['functions', MAX_SUBPROGRAMS, 'too_many_subprograms', 'as in Linux'],
    ['maps', MAX_MAPS, 'too_many_maps', 'as in Linux'],
    ['frames', LINUX_LIMITS.callDepth, 'too_many_frames', "the platform's"],
    ['bytes of stack', LINUX_LIMITS.stackSize, 'too_much_stack', "the platform's"],
    ['states kept', DEFAULT_STATE_LIMIT, 'memory_limit', 'about 2 KB each; `stateLimit`'],
    ['milliseconds', Number.POSITIVE_INFINITY, 'time_limit', 'none unless asked for; `timeLimit`'],
  ]
  return formatMarkdownTable(
    [{ title: 'what' }, { title: 'at most', align: 'right' }, { title: 'code' }, { title: 'note' }],
    rows.map(([what, limit, name, note]) => [what, Number.isFinite(limit) ? count(limit) : '', code(name), note]),
  )
}

/** Folders of `src/verifier/`: what each owns, and the file to open first. */
const FOLDERS: Readonly<Record<string, readonly [owns: string, first: string]>> = {
  '.': ['what is asked and answered; states; one verification from beginning to end', 'check-program.ts'],
  structure: [
    'what is checked before anything is followed: functions, jumps, liveness, loops, stack depth',
    'check.ts',
  ],
  explore: [
    'following paths: jumps, arithmetic, checkpoints, comparison, precision, loops, what a CPU may speculate',
    'explore.ts',
  ],
  domain: ['what is known of a number, and what each operation and comparison does to it', 'scalar.ts'],
  memory: ['loads and stores, by what the pointer points at', 'access.ts'],
  calls: ['helpers, kernel functions, functions of the program, callbacks, resources, locks', 'helper.ts'],
  report: ["codes, explanations, Linux's log", 'create-report.ts'],
  facts: ['states kept by instruction, for the soundness self-check', 'recorded-states.ts'],
}

export function modulesTable(): string {
  const source = join(ROOT, 'src', 'verifier')
  const folders = readdirSync(source, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
  const unknown = folders.filter((folder) => FOLDERS[folder] === undefined)
  if (unknown.length > 0) throw new Error(`say in scripts/verifier-docs.ts what src/verifier/${unknown[0]}/ owns`)
  return formatMarkdownTable(
    columns('folder', 'owns', 'open first'),
    Object.entries(FOLDERS).map(([folder, [owns, first]]) => {
      readFileSync(join(source, folder, first))
      return [code(folder === '.' ? 'src/verifier/' : `${folder}/`), owns, code(first)]
    }),
  )
}

/** The report on a program of the gallery, as JSON. */
export function reportExample(): string {
  const spec = parseObject(new Uint8Array(readFileSync(join(GALLERY_PATH, 'off-by-one.el.o'))))
  const platform = linux('6.18')
  const [program] = Object.values(spec.programs)
  const report = verify(new VerifyInput(spec, platform).program(program!), platform)
  const stats = { ...report.stats, ms: 1.5 }
  return `\`\`\`json\n${JSON.stringify({ ...report, stats }, undefined, 2)}\n\`\`\``
}
