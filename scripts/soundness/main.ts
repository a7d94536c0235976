/**
 * `npm run -s soundness -- [--programs N] [--seed S] [--corpus DIR]`: the soundness self-check of the verifier.
 * @module
 */
import { Campaign } from './campaign.ts'

const seed = Number(process.argv[2] ?? 1)
const programs = Number(process.argv[3] ?? 500)
const began = process.cpuUsage()
const campaign = new Campaign({ seed, programs, onProgress: (s) => console.error(`${s.accepted} of ${s.generated}`) })
campaign.run()
const used = process.cpuUsage(began)
console.log(campaign.statistics.report((used.user + used.system) / 1e6))
for (const { seed, message } of campaign.violations.slice(0, 20)) console.log(`seed ${seed}: ${message}`)
console.log(`${campaign.violations.length} violations`)
