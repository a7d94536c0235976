// `npm run bench [-- NAME [OPTION]...]`: measures one thing, side by side with a peer where there is one; `engines` unless told
// otherwise.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { runBundled } from '../scripts/run-bundled.mjs'

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3))
const args = process.argv.slice(2)
const [name, ...options] = args[0] === undefined || args[0].startsWith('-') ? ['engines', ...args] : args

if (options.includes('--help') || options.includes('-h') || !names.includes(name)) {
  const isAsked = names.includes(name)
  const usage = `usage: npm run bench [-- NAME [OPTION]...]; NAME (default engines): ${names.join(', ')}; options: the head of bench/NAME.ts`
  if (isAsked) console.log(usage)
  else console.error(usage)
  process.exitCode = isAsked ? 0 : 2
} else await runBundled(join(import.meta.dirname, `${name}.ts`), options)
