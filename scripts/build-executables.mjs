// Bundles the executables (esbuild): a tiny entry each, and a chunk for every command that is loaded when asked for.
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** Builds into `outdir`: `cli.js`, `conformance-plugin.js`, and their chunks. */
export async function buildExecutables(outdir) {
  const executables = { cli: 'src/cli/main.ts', 'conformance-plugin': 'src/cli/conformance-plugin.ts' }
  const entryPoints = Object.fromEntries(Object.entries(executables).filter(([, file]) => existsSync(join(root, file))))
  await build({
    absWorkingDir: root,
    entryPoints,
    outdir,
    chunkNames: 'cli-chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
    define: { ANYBPF_VERSION: JSON.stringify(version) },
    // The argument parser is CommonJS and asks for Node's own modules with `require`.
    banner: { js: "import{createRequire as $require}from'node:module';const require=$require(import.meta.url);" },
  })
  for (const name of Object.keys(entryPoints)) chmodSync(join(outdir, `${name}.js`), 0o755)
}
