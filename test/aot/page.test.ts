/**
 * A built object in a page whose Content-Security-Policy forbids compiling: modules come from a worker that may.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { buildObject } from '../../src/build/index.ts'
import { bytesToHex } from '../../src/util/index.ts'
import { chromium, withChromium } from '../support/chromium.ts'
import { parseExample, readPackets } from '../support/examples.ts'
import { bundleBuild, DRIVER, playBuilt } from './forbidden.ts'
import type { Scenario } from './scenario.ts'

const BROWSER_TIMEOUT_MS = 50_000
if (chromium === undefined) console.log('skipped: no chromium here to run a built object in')

/** No `wasm-unsafe-eval`, no `unsafe-eval`. */
const POLICY = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'"

const WORKER = `
  const compile = async (file) => WebAssembly.compile(await (await fetch(file)).arrayBuffer())
  Promise.all([compile('runtime.wasm'), compile('program.wasm')])
    .then(([runtime, firewall]) => postMessage({ runtime, programs: { firewall } }))
`

const PAGE_SCRIPT = `
  const told = {}
  const refused = (what, run) => { try { run(); told[what] = 'allowed' } catch (error) { told[what] = error.name } }
  refused('module', () => new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])))
  refused('text', () => new Function('return 1'))
  const tell = () => fetch('told', { method: 'POST', body: JSON.stringify(told) })
  new Worker('worker.js').onmessage = async ({ data }) => {
    try {
      told.log = built.drive(data, await (await fetch('scenario.json')).text())
    } catch (error) {
      told.log = String(error.stack)
    }
    tell()
  }
`

interface Told {
  readonly module: string
  readonly text: string
  readonly log: string
}

/** Serves files by path, the page under the policy; resolves with what the page posts. */
function serve(files: Readonly<Record<string, string | Uint8Array>>): { server: Server; told: Promise<Told> } {
  let tell: (told: Told) => void
  const told = new Promise<Told>((resolve) => {
    tell = resolve
  })
  const server = createServer((request, response) => {
    const name = request.url!.slice(1)
    if (request.method === 'POST') {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        response.end()
        tell(JSON.parse(body))
      })
      return
    }
    const content = files[name]
    const type = /\.js$/.test(name)
      ? 'text/javascript'
      : /\.html$/.test(name)
        ? 'text/html'
        : 'application/octet-stream'
    response.writeHead(content === undefined ? 404 : 200, {
      'content-type': type,
      ...(name === 'page.html' && { 'content-security-policy': POLICY }),
    })
    response.end(content)
  })
  return { server, told }
}

it.skipIf(chromium === undefined)(
  'decides as it does in Node, in a page that may compile nothing',
  async () => {
    const build = buildObject(parseExample('xdp-firewall/firewall.el.o'), { name: 'firewall' })
    const packets = readPackets('mixed.pcap')
      .slice(0, 100)
      .map(({ data }) => bytesToHex(data))
    const scenario: Scenario = { program: 'firewall', packets, maps: [['blocked', { addr: 0x0a000001 }, 1]] }
    const bytesOf = (kind: string): Uint8Array => build.files.find((file) => file.kind === kind)!.bytes
    const { server, told } = serve({
      'page.html': '<!doctype html><script src="built.js"></script><script src="page.js"></script>',
      'built.js': await bundleBuild(build.files, DRIVER),
      'page.js': PAGE_SCRIPT,
      'worker.js': WORKER,
      'runtime.wasm': bytesOf('runtime'),
      'program.wasm': bytesOf('program'),
      'scenario.json': JSON.stringify(scenario),
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/page.html`
    try {
      const { module, text, log } = await withChromium(
        ['--remote-debugging-port=0', url],
        BROWSER_TIMEOUT_MS,
        // With that port open it does not end by itself: if it ends, the page was not shown.
        ({ ended }) =>
          Promise.race([told, ended.then((shown) => Promise.reject(new Error(`chromium ended: ${shown}`)))]),
      )
      expect({ module, text }).toEqual({ module: 'CompileError', text: 'EvalError' })
      expect(log.startsWith('[') ? JSON.parse(log) : log).toEqual(await playBuilt(build.files, scenario))
    } finally {
      server.close()
      server.closeAllConnections()
    }
  },
  BROWSER_TIMEOUT_MS + 10_000,
)
