// `node scripts/run-bundled.mjs FILE.ts [ARG]...`: bundles a program of this repository and runs it. What is measured has to be a
// bundle, as users run it: a loader that compiles as it goes changes the code (it names every closure), and the figures.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

/** Modules find what lies beside them by their own address, not the bundle's. */
const addresses = {
  name: 'addresses',
  setup(bundle) {
    bundle.onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      loader: 'ts',
      contents: readFileSync(path, 'utf8')
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
        .replaceAll('import.meta.dirname', JSON.stringify(dirname(path))),
    }))
  },
}

/** Calls `use` with the path of a bundle of `file`, which is gone afterwards. */
export async function withBundle(file, use) {
  // Where packages that are not bundled are found.
  const cache = join(import.meta.dirname, '..', 'node_modules', '.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'anybpf-run-'))
  try {
    await build({
      entryPoints: [resolve(file)],
      outdir: folder,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      logLevel: 'warning',
      external: ['esbuild', 'vitest', 'typescript'],
      plugins: [addresses],
    })
    await use(join(folder, `${basename(file, '.ts')}.mjs`))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs `file` with `args` as its command line; ends when its module has been evaluated. */
export async function runBundled(file, args) {
  await withBundle(file, async (bundle) => {
    process.argv = [process.argv[0], resolve(file), ...args]
    await import(pathToFileURL(bundle).href)
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runBundled(process.argv[2], process.argv.slice(3))
}
