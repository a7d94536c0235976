/**
 * The library in a browser: a bundle of it holds no Node built-in, and headless Chromium computes what Node computes.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import { parseObject, Runtime } from 'anybpf'
import { parseCapture } from 'anybpf/net'
import { type BuildOptions, build, type Metafile } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { chromium, withChromium } from '../support/chromium.ts'
import { readExample } from '../support/examples.ts'
import { type FirewallResult, runFirewall } from './firewall.ts'

const ROOT = join(import.meta.dirname, '..', '..')
/** How long Chromium may take. */
const BROWSER_TIMEOUT_MS = 50_000

/** Bundles for a browser: a Node built-in anywhere in it is an error of the bundler. */
async function bundle(options: BuildOptions): Promise<{ code: string; metafile: Metafile }> {
  const built = await build({
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    target: ['chrome111', 'firefox115', 'safari16.4'],
    minify: true,
    logLevel: 'silent',
    loader: { '.o': 'binary', '.pcap': 'binary' },
    ...options,
  })
  return { code: built.outputFiles![0]!.text, metafile: built.metafile! }
}

function inNode(): FirewallResult {
  const result = runFirewall(
    { parseObject, Runtime, parseCapture },
    readExample('xdp-firewall/firewall.el.o'),
    readExample('captures/mixed.pcap'),
  )
  expect(result.verdicts.length).toBeGreaterThan(800)
  expect(result.events.length).toBeGreaterThan(10)
  return result
}

describe('a bundle of the library', () => {
  it.each([
    ['anybpf', './src/index.ts'],
    ['anybpf/net', './src/net/index.ts'],
    ['anybpf/isa', './src/isa/index.ts'],
  ])('%s needs nothing of Node', async (subpath, file) => {
    const { code, metafile } = await bundle({
      stdin: { contents: `export * from '${file}'`, resolveDir: ROOT },
      format: 'esm',
    })
    const imports = Object.values(metafile.outputs).flatMap((output) => output.imports)
    expect(imports).toEqual([])
    const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`
    console.log(`${subpath}: ${kilobytes(code.length)} minified, ${kilobytes(gzipSync(code).length)} compressed`)
  })

  it('computes the same where there is nothing but the language, WebAssembly, text codecs and base64', async () => {
    const { code } = await bundle({ entryPoints: ['test/browser/page.ts'], format: 'iife' })
    const document = { body: { textContent: '' } }
    runInNewContext(code, { document, TextEncoder, TextDecoder, atob })
    expect(JSON.parse(document.body.textContent)).toEqual(inNode())
  })

  it('would be refused with a Node built-in in it', async () => {
    const stdin = { contents: `export * from './src/node/index.ts'`, resolveDir: ROOT }
    await expect(bundle({ stdin, format: 'esm' })).rejects.toThrow(/node:fs/)
  })
})

if (chromium === undefined) console.log('skipped: no chromium here to run the library in')

describe.skipIf(chromium === undefined)('in Chromium', () => {
  it(
    'the firewall decides over its capture as it does in Node',
    async () => {
      const { code } = await bundle({ entryPoints: ['test/browser/page.ts'], format: 'iife' })
      const directory = mkdtempSync(join(tmpdir(), 'anybpf-browser-'))
      try {
        const page = join(directory, 'page.html')
        writeFileSync(join(directory, 'page.js'), code)
        writeFileSync(page, '<!doctype html><meta charset="utf-8"><body><script src="page.js"></script>')
        const shown = textOfBody(await dumpDom(page))
        expect(JSON.parse(shown)).toEqual(inNode())
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
    },
    BROWSER_TIMEOUT_MS + 10_000,
  )
})

/** The page's document after its scripts have run. */
function dumpDom(page: string): Promise<string> {
  return withChromium(['--dump-dom', pathToFileURL(page).href], BROWSER_TIMEOUT_MS, ({ ended }) => ended)
}

function textOfBody(html: string): string {
  const body = /<body>([\s\S]*)<\/body>/.exec(html)?.[1]
  if (body === undefined) throw new Error(`no body in ${html.slice(0, 500)}`)
  return body.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}
