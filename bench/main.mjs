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

if (names.includes(name)) await runBundled(join(import.meta.dirname, `${name}.ts`), options)
else {
  console.error(`usage: npm run bench -- ${names.join('|')} [OPTION]...`)
  process.exitCode = 2
}
