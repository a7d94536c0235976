// Builds everything that is shipped: the library (tsc, one .js and .d.ts per module) and the executables (esbuild).
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { buildExecutables } from './build-executables.mjs'

rmSync('dist', { recursive: true, force: true })

const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
})
if (tsc.status !== 0) process.exit(tsc.status ?? 1)

await buildExecutables('dist')
