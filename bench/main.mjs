// `npm run bench -- NAME [OPTION]...`: measures one thing, side by side with a peer where there is one.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { runBundled } from '../scripts/run-bundled.mjs'

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3))
const [name = '', ...options] = process.argv.slice(2)

if (names.includes(name)) await runBundled(join(import.meta.dirname, `${name}.ts`), options)
else {
  console.error(`usage: npm run bench -- ${names.join('|')} [OPTION]...`)
  process.exitCode = 2
}
