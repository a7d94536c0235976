/**
 * `npm run -s jit-check -- [--programs N] [--seed S]`, or `--planted [--only TEXT]`: random programs on the interpreter and on
 * the JIT, which have to agree; or, with known faults planted into the JIT one at a time, whether each is caught. Progress goes
 * to standard error; the exit code says whether all was well.
 * @module
 */
import { runCampaign } from './campaign.ts'
import { plantAll } from './planted-faults.ts'
import { JIT_PLANTS } from './plants.ts'

const DEFAULT_PROGRAMS = 50_000
const DEFAULT_SEED = 9669

const USAGE = `usage: npm run -s jit-check -- [--programs N] [--seed S]
       npm run -s jit-check -- --planted [--programs N] [--seed S] [--only TEXT]

  --programs N   random programs (default ${DEFAULT_PROGRAMS})
  --seed S       of the first of them (default ${DEFAULT_SEED})
  --planted      plant known faults into the JIT, one at a time, and show that each is caught
  --only TEXT    those with TEXT in their name`

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(USAGE)
    return 0
  }
  const planted = args.includes('--planted')
  const rest = args.filter((arg) => arg !== '--planted')
  const values = new Map<string, string>()
  for (let i = 0; i < rest.length; i += 2) values.set(rest[i]!, rest[i + 1] ?? '')
  const known = planted ? ['--programs', '--seed', '--only'] : ['--programs', '--seed']
  const programs = Number(values.get('--programs') ?? DEFAULT_PROGRAMS)
  const seed = Number(values.get('--seed') ?? DEFAULT_SEED)
  const only = values.get('--only') ?? ''
  const sound = [...values.keys()].every((name) => known.includes(name))
  if (!sound || !Number.isSafeInteger(programs) || programs < 0 || !Number.isSafeInteger(seed)) {
    console.error(USAGE)
    return 2
  }
  if (planted) {
    if (JIT_PLANTS.some(({ name }) => name.includes(only))) {
      return (await plantAll({ seed, programs, only })) === 0 ? 0 : 1
    }
    console.error(`no planted fault has ${JSON.stringify(only)} in its name`)
    return 2
  }
  const began = performance.now()
  const { coverage, found } = runCampaign({
    seed,
    programs,
    onProgress: (done) => process.stderr.write(`${done} of ${programs} programs\n`),
  })
  console.log(coverage.report())
  console.log(`${((performance.now() - began) / 1000).toFixed(1)} s`)
  if (found === undefined) {
    console.log(`jit-check: no difference in ${programs} programs from seed ${seed} on`)
    return 0
  }
  console.log(`DIFFERENCE ${found.text}`)
  return 1
}

process.exitCode = await main(process.argv.slice(2))
