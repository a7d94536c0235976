/**
 * Looks for one violation, for as many programs as it is told: `hunt SEED PROGRAMS`. What it finds is one line of JSON.
 * Bundled with a planted mistake by planted-bugs.ts.
 * @module
 */
import { Campaign } from './campaign.ts'

export interface HuntResult {
  /** Programs that were accepted until then. */
  readonly accepted: number
  readonly generated: number
  readonly seconds: number
  /** Seed of the program, and what was wrong; absent if nothing was. */
  readonly seed?: number
  readonly message?: string
}

const [seed = 1, programs = 1000] = process.argv.slice(2).map(Number)
const before = process.cpuUsage()
const campaign = new Campaign({ seed, programs, stopAtFirst: true })
campaign.run()
const used = process.cpuUsage(before)
const found = campaign.violations[0]
const result: HuntResult = {
  accepted: campaign.statistics.accepted,
  generated: campaign.statistics.generated,
  seconds: (used.user + used.system) / 1e6,
  ...(found !== undefined && { seed: found.seed, message: found.message }),
}
console.log(JSON.stringify(result))
