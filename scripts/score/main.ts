/**
 * `npm run -s score -- SUITE PATH [--json OUT]`: how far anybpf agrees with test data that it did not write.
 *
 * A suite is a module beside this one that exports `score`. The last line is `SUITE: agree N of M`; M is the number of
 * cases of the corpus, so a case that is skipped or crashes disagrees.
 * @module
 */
import { existsSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

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

const USAGE = 'usage: npm run -s score -- SUITE PATH [--json OUT] [--OPTION[=VALUE]]...'

function suiteFile(name: string): string {
  return fileURLToPath(new URL(`./${name.replaceAll('_', '-')}.ts`, import.meta.url))
}

async function main(args: readonly string[]): Promise<number> {
  const positional: string[] = []
  const options: Record<string, string | true> = {}
  let jsonPath: string | undefined
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (arg === '--json') jsonPath = args[++i]
    else if (arg.startsWith('--')) {
      const equals = arg.indexOf('=')
      if (equals < 0) options[arg.slice(2)] = true
      else options[arg.slice(2, equals)] = arg.slice(equals + 1)
    } else positional.push(arg)
  }
  const [name, path] = positional
  if (name === undefined || path === undefined || positional.length > 2 || !/^[a-z_]+$/.test(name)) {
    console.error(USAGE)
    return 2
  }
  const file = suiteFile(name)
  if (!existsSync(file)) {
    console.error(`no such suite: ${name}`)
    return 2
  }
  if (!existsSync(path)) {
    console.error(`no such file or directory: ${path}`)
    return 3
  }
  const suite = (await import(file)) as Suite
  const { cases } = await suite.score(path, options)
  for (const { id, expected, actual, agree, note } of cases) {
    if (!agree) console.log(`${id}: expected ${expected}, got ${actual}${note === undefined ? '' : ` (${note})`}`)
  }
  if (jsonPath !== undefined) writeFileSync(jsonPath, `${JSON.stringify({ suite: name, cases }, null, 1)}\n`)
  const agreeing = cases.filter((one) => one.agree).length
  console.log(`${name}: agree ${agreeing} of ${cases.length}`)
  return agreeing === cases.length ? 0 : 1
}

process.exitCode = await main(process.argv.slice(2))
