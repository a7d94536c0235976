/**
 * Looks for one difference, for as many programs as it is told: `hunt SEED PROGRAMS`. What it finds is one line of JSON.
 * Bundled with a planted fault by planted-faults.ts.
 * @module
 */
import { runCampaign } from './campaign.ts'

export interface HuntResult {
  readonly seconds: number
  /** Programs that were compared. */
  readonly programs: number
  /** What differs; absent if nothing does. */
  readonly message?: string
}

const [seed = 1, programs = 1000] = process.argv.slice(2).map(Number)
const before = process.cpuUsage()
const { found } = runCampaign({ seed, programs, shrinks: false })
const { user, system } = process.cpuUsage(before)
const result: HuntResult = {
  seconds: (user + system) / 1e6,
  programs: found === undefined ? programs : found.after + 1,
  ...(found !== undefined && { message: found.text }),
}
console.log(JSON.stringify(result))
