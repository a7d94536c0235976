// The main job, from one command: an XDP firewall that clang compiled decides over a real capture.
// Builds the command line, prints the command that it runs, and runs it.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { buildExecutables } from './build-executables.mjs'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))

await buildExecutables('dist')

const args = [
  'run',
  'examples/xdp-firewall/firewall.el.o',
  '--pcap',
  'examples/captures/mixed.pcap',
  '--map',
  'blocked=@examples/xdp-firewall/blocked.json',
  '--global',
  'threshold=40',
  '--maps',
  '--entries=5',
  '--events=3',
  ...process.argv.slice(2),
]
console.log(`$ anybpf ${args.join(' ')}\n`)
process.exit(spawnSync(process.execPath, ['dist/cli.js', ...args], { stdio: 'inherit' }).status ?? 1)
