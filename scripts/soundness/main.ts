/**
 * `npm run -s soundness -- [--programs N] [--seed S] [--corpus DIR]`, or `--planted [--only TEXT]` instead of a corpus: the soundness self-check of the verifier. Random
 * programs until N were accepted (default 20,000), and the programs of the corpora (default: `../shared/corpus`, where it
 * is); or, with known mistakes planted into the verifier one at a time, whether each is caught. Progress goes to standard error; the last line is `soundness: N violations`, and the exit code says so, too.
 * @module
 */
import { join } from 'node:path'
import { Campaign } from './campaign.ts'
import { type CorpusResult, checkCases, checkObjects, corporaIn, corpusText } from './corpus.ts'
import { plantAll } from './planted-bugs.ts'
import { PLANTS } from './plants.ts'

const DEFAULT_PROGRAMS = 20_000
const DEFAULT_SEED = 9669
const DEFAULT_PLANTED_SEED = 1
const SHOWN_VIOLATIONS = 20

const USAGE = `usage: npm run -s soundness -- [--programs N] [--seed S] [--corpus DIR]
       npm run -s soundness -- --planted [--programs N] [--seed S] [--only TEXT]

  --programs N   random programs, until N were accepted (default 20000)
  --seed S       of the random programs (default ${DEFAULT_SEED}, with --planted ${DEFAULT_PLANTED_SEED})
  --corpus DIR   where objects/ and test_verifier.json are (default: ANYBPF_CORPUS, or ../shared/corpus)
  --planted      plant known mistakes into the verifier, one at a time, and show that each is caught
  --only TEXT    those with TEXT in their name`

interface Arguments {
  readonly planted: boolean
  readonly programs: number
  readonly seed: number
  readonly corpus: string
  readonly only: string
}

function parseArguments(args: readonly string[]): Arguments | undefined {
  const planted = args.includes('--planted')
  const rest = args.filter((arg) => arg !== '--planted')
  const known = ['--programs', '--seed', planted ? '--only' : '--corpus']
  const values = new Map<string, string>()
  for (let i = 0; i < rest.length; i += 2) {
    const [name, value] = [rest[i]!, rest[i + 1]]
    if (!known.includes(name) || value === undefined) return undefined
    values.set(name, value)
  }
  const programs = Number(values.get('--programs') ?? DEFAULT_PROGRAMS)
  const seed = Number(values.get('--seed') ?? (planted ? DEFAULT_PLANTED_SEED : DEFAULT_SEED))
  if (!Number.isSafeInteger(programs) || programs < 0 || !Number.isSafeInteger(seed)) return undefined
  const corpus = values.get('--corpus') ?? process.env['ANYBPF_CORPUS'] ?? defaultCorpus()
  return { planted, programs, seed, corpus, only: values.get('--only') ?? '' }
}

function defaultCorpus(): string {
  return join(import.meta.dirname, '..', '..', '..', 'shared', 'corpus')
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`)
}

function runCampaign({ seed, programs }: Arguments): number {
  const before = process.cpuUsage()
  const campaign = new Campaign({
    seed,
    programs,
    onProgress: ({ accepted, generated }) => progress(`random programs: ${accepted} accepted of ${generated}`),
  })
  campaign.run()
  const { user, system } = process.cpuUsage(before)
  console.log(campaign.statistics.report((user + system) / 1e6))
  for (const { message } of campaign.violations.slice(0, SHOWN_VIOLATIONS)) console.log(`VIOLATION ${message}`)
  campaign.dispose()
  return campaign.violations.length
}

function runCorpora({ seed, corpus }: Arguments): number {
  const { objects, cases } = corporaIn(corpus)
  if (objects === undefined && cases === undefined)
    progress(`no corpora in ${corpus}: only random programs are checked`)
  const tell =
    (name: string) =>
    (done: number, of: number): void => {
      if (done % 50 === 0) progress(`${name}: ${done} of ${of}`)
    }
  let violations = 0
  const print = (name: string, result: CorpusResult): void => {
    console.log(corpusText(name, result))
    violations += result.violations.length
  }
  if (objects !== undefined) print('objects', checkObjects(objects, { seed, onProgress: tell('objects') }))
  if (cases !== undefined) print('test_verifier', checkCases(cases, { seed, onProgress: tell('test_verifier') }))
  return violations
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(USAGE)
    return 0
  }
  const parsed = parseArguments(args)
  if (parsed === undefined) {
    console.error(USAGE)
    return 2
  }
  if (parsed.planted) {
    if (PLANTS.some(({ name }) => name.includes(parsed.only))) return (await plantAll(parsed)) === 0 ? 0 : 1
    console.error(`no planted mistake has ${JSON.stringify(parsed.only)} in its name`)
    return 2
  }
  const violations = runCampaign(parsed) + runCorpora(parsed)
  console.log(`soundness: ${violations} violations`)
  return violations === 0 ? 0 : 1
}

process.exitCode = await main(process.argv.slice(2))
