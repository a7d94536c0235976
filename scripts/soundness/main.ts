/**
 * `npm run -s soundness -- [--programs N] [--seed S] [--corpus DIR]`: the soundness self-check of the verifier. Random
 * programs until N were accepted (default 20,000), and the programs of the corpora (default: `../shared/corpus`, where it
 * is). Progress goes to standard error; the last line is `soundness: N violations`, and the exit code says so, too.
 * @module
 */
import { join } from 'node:path'
import { Campaign } from './campaign.ts'
import { type CorpusResult, checkCases, checkObjects, corporaIn, corpusText } from './corpus.ts'

const USAGE = 'usage: npm run -s soundness -- [--programs N] [--seed S] [--corpus DIR]'
const DEFAULT_PROGRAMS = 20_000
const DEFAULT_SEED = 9669
const SHOWN_VIOLATIONS = 20

interface Arguments {
  readonly programs: number
  readonly seed: number
  readonly corpus: string
}

function parseArguments(args: readonly string[]): Arguments | undefined {
  const values = new Map<string, string>()
  for (let i = 0; i < args.length; i += 2) {
    const [name, value] = [args[i]!, args[i + 1]]
    if (!['--programs', '--seed', '--corpus'].includes(name) || value === undefined) return undefined
    values.set(name, value)
  }
  const programs = Number(values.get('--programs') ?? DEFAULT_PROGRAMS)
  const seed = Number(values.get('--seed') ?? DEFAULT_SEED)
  if (!Number.isSafeInteger(programs) || programs < 0 || !Number.isSafeInteger(seed)) return undefined
  const corpus = values.get('--corpus') ?? process.env['ANYBPF_CORPUS'] ?? defaultCorpus()
  return { programs, seed, corpus }
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

function main(args: readonly string[]): number {
  const parsed = parseArguments(args)
  if (parsed === undefined) {
    console.error(USAGE)
    return 2
  }
  const violations = runCampaign(parsed) + runCorpora(parsed)
  console.log(`soundness: ${violations} violations`)
  return violations === 0 ? 0 : 1
}

process.exitCode = main(process.argv.slice(2))
