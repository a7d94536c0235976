// Builds everything that is shipped: the library (tsc, one .js and .d.ts per module) and the executables (esbuild).
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, rmSync } from 'node:fs'
import { build } from 'esbuild'

rmSync('dist', { recursive: true, force: true })

const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
})
if (tsc.status !== 0) process.exit(tsc.status ?? 1)

// The entry points stay tiny; every command is a chunk of its own that is loaded when it is asked for.
const executables = { cli: 'src/cli/main.ts', 'conformance-plugin': 'src/cli/conformance-plugin.ts' }
const entryPoints = Object.fromEntries(Object.entries(executables).filter(([, file]) => existsSync(file)))
await build({
  entryPoints,
  outdir: 'dist',
  chunkNames: 'cli-chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  minify: true,
  keepNames: true,
  legalComments: 'none',
  logLevel: 'warning',
})
for (const name of Object.keys(entryPoints)) chmodSync(`dist/${name}.js`, 0o755)
