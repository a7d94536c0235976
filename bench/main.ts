/**
 * `npm run bench -- NAME [OPTION]...`: measures one thing, side by side with a peer where there is one.
 * @module
 */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const names = readdirSync(here)
  .filter((file) => file.endsWith('.ts') && file !== 'main.ts')
  .map((file) => file.slice(0, -3))
const name = process.argv[2] ?? ''
if (!names.includes(name)) {
  console.error(`usage: npm run bench -- ${names.join('|')} [OPTION]...`)
  process.exitCode = 2
} else await import(new URL(`./${name}.ts`, import.meta.url).href)
