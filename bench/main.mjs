// `npm run bench -- NAME [OPTION]...`: measures one thing, side by side with a peer where there is one. What is measured is
// a bundle, as users run it: a loader that compiles as it goes would change the code, and the figures.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const here = import.meta.dirname
const names = readdirSync(here)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3))
const name = process.argv[2] ?? ''

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

if (!names.includes(name)) {
  console.error(`usage: npm run bench -- ${names.join('|')} [OPTION]...`)
  process.exitCode = 2
} else {
  const folder = mkdtempSync(join(tmpdir(), 'anybpf-bench-'))
  const outfile = join(folder, `${name}.mjs`)
  try {
    await build({
      entryPoints: [join(here, `${name}.ts`)],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      logLevel: 'warning',
      plugins: [addresses],
    })
    await import(pathToFileURL(outfile).href)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
