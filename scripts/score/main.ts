/**
 * `npm run -s score -- SUITE PATH [--json OUT]`: how far anybpf agrees with test data that it did not write.
 *
 * A suite is a module beside this one that exports `score`, and a row in `suites.ts`. The last line is `SUITE: agree N of M`; M is the number of
 * cases of the corpus, so a case that is skipped or crashes disagrees.
 * @module
 */
import { writeFileSync } from 'node:fs'
import { SUITES, suitePathProblem } from './suites.ts'

export interface ScoreCase {
  readonly id: string
  readonly expected: string
  readonly actual: string
  readonly agree: boolean
  readonly note?: string
}

/** The options of the command line that are not this driver's: `--no-perfmon` gives `{ 'no-perfmon': true }`. */
export type ScoreOptions = Readonly<Record<string, string | true>>

export interface ScoreResult {
  readonly cases: readonly ScoreCase[]
}

interface Suite {
  score(path: string, options: ScoreOptions): Promise<ScoreResult>
}

function usage(): string {
  const width = Math.max(...Object.values(SUITES).map(({ path }) => path.length)) + 2
  const rows = Object.entries(SUITES).map(([name, { path, options, root }]) => {
    const notes = [...options.map((option) => `--${option}`), ...(root ? ['needs root'] : [])].join(', ')
    return `  ${name.padEnd(15)}${path.padEnd(width)}${notes}`.trimEnd()
  })
  return [USAGE, '', 'suites, what PATH is, and their options:', ...rows].join('\n')
}

const USAGE = 'usage: npm run -s score -- SUITE PATH [--json OUT] [--OPTION[=VALUE]]...'

/** Ends the command with a line on standard error. */
class Refusal extends Error {
  readonly status: number

  constructor(status: 2 | 3, message: string) {
    super(message)
    this.status = status
  }
}

async function score(args: readonly string[]): Promise<number> {
  const positional: string[] = []
  const options: Record<string, string | true> = {}
  let jsonPath: string | undefined
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (arg === '--help' || arg === '-h') {
      console.log(usage())
      return 0
    }
    if (arg === '--json') {
      jsonPath = args[++i]
      if (jsonPath === undefined) throw new Refusal(2, '--json wants a file to write')
    } else if (arg.startsWith('--')) {
      const equals = arg.indexOf('=')
      if (equals < 0) options[arg.slice(2)] = true
      else options[arg.slice(2, equals)] = arg.slice(equals + 1)
    } else positional.push(arg)
  }
  const [name, path] = positional
  if (name === undefined) throw new Refusal(2, usage())
  const row = Object.hasOwn(SUITES, name) ? SUITES[name] : undefined
  if (row === undefined) throw new Refusal(2, `no suite ${name}; there are ${Object.keys(SUITES).join(', ')}`)
  if (path === undefined) throw new Refusal(2, `${name} wants a PATH: ${row.path}`)
  if (positional.length > 2) throw new Refusal(2, `one suite and one path, not also ${positional[2]}`)
  for (const option of Object.keys(options)) {
    if (row.options.some((known) => known.split('=')[0] === option)) continue
    throw new Refusal(
      2,
      `${name} has no option --${option}; it has ${row.options.map((known) => `--${known}`).join(', ') || 'none'}`,
    )
  }
  const problem = suitePathProblem(row, path)
  if (problem !== undefined) throw new Refusal(3, `${name}: ${problem}; PATH is ${row.path}`)
  const suite = (await import(`./${name.replaceAll('_', '-')}.ts`)) as Suite
  const { cases } = await suite.score(path, options)
  for (const { id, expected, actual, agree, note } of cases) {
    if (!agree) console.log(`${id}: expected ${expected}, got ${actual}${note === undefined ? '' : ` (${note})`}`)
  }
  if (jsonPath !== undefined) writeFileSync(jsonPath, `${JSON.stringify({ suite: name, cases }, null, 1)}\n`)
  const agreeing = cases.filter((one) => one.agree).length
  console.log(`${name}: agree ${agreeing} of ${cases.length}`)
  return agreeing === cases.length ? 0 : 1
}

try {
  process.exitCode = await score(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof Refusal)) throw error
  console.error(error.message)
  process.exitCode = error.status
}
