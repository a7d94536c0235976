/**
 * `anybpf build`: what it writes, and that it writes nothing where something is wrong.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cli } from '../support/cli.ts'

const FIREWALL = 'examples/xdp-firewall/firewall.el.o'
const FILTER = 'examples/socket-tail-calls/filter.el.o'

let directory: string
let output: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'anybpf-build-'))
  output = join(directory, 'new', 'dist')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const read = (name: string): Buffer => readFileSync(join(output, name))

describe('anybpf build', () => {
  it('writes a module, its types, the runtime and the program, and says so', async () => {
    const { status, stdout, stderr } = await cli(['build', FIREWALL, '-o', output])
    expect(stderr).toBe('')
    expect(status).toBe(0)
    expect(readdirSync(output).sort()).toEqual([
      'firewall.d.ts',
      'firewall.firewall.wasm',
      'firewall.js',
      'runtime.wasm',
    ])
    for (const name of ['runtime.wasm', 'firewall.firewall.wasm']) {
      expect(WebAssembly.validate(new Uint8Array(read(name))), name).toBe(true)
    }
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toBe('for linux 6.18')
    expect(lines.slice(2).map((line) => line.split(/\s{2,}/))).toEqual([
      [join(output, 'firewall.js'), size('firewall.js'), 'JavaScript module: instantiate(…)'],
      [join(output, 'firewall.d.ts'), size('firewall.d.ts'), 'its types'],
      [join(output, 'runtime.wasm'), size('runtime.wasm'), 'the runtime, the same for every build'],
      [join(output, 'firewall.firewall.wasm'), size('firewall.firewall.wasm'), 'program firewall, xdp'],
    ])
  })

  const size = (name: string): string => read(name).length.toLocaleString('en-US')

  it('writes the same bytes again, over what is there', async () => {
    await cli(['build', FIREWALL, '-o', output])
    const before = readdirSync(output).map((name) => [name, read(name).toString('hex')])
    expect((await cli(['build', FIREWALL, '-o', output])).status).toBe(0)
    expect(readdirSync(output).map((name) => [name, read(name).toString('hex')])).toEqual(before)
  })

  it('lists the files as JSON, with their sizes', async () => {
    const { status, stdout } = await cli(['build', FILTER, '-o', output, '--json', '--platform', 'linux:6.6'])
    expect(status).toBe(0)
    const document = JSON.parse(stdout)
    expect(document).toMatchObject({ directory: output, platform: 'linux 6.6' })
    expect(document.programs).toContainEqual({ name: 'dispatch', type: 'socket_filter', verified: true })
    expect(document.programs).toHaveLength(4)
    for (const { path, bytes } of document.files) expect(readFileSync(path).length, path).toBe(bytes)
    expect(document.files.map(({ kind }: { kind: string }) => kind)).toEqual([
      'module',
      'types',
      'runtime',
      ...new Array(4).fill('program'),
    ])
  })

  it('builds the program that is asked for, with what it may tail-call', async () => {
    const one = JSON.parse((await cli(['build', FILTER, '-o', output, '--json', '-p', 'filter_tcp'])).stdout)
    expect(one.programs.map(({ name }: { name: string }) => name)).toEqual(['filter_tcp'])
    const all = JSON.parse((await cli(['build', FILTER, '-o', output, '--json', '-p', 'dispatch'])).stdout)
    expect(all.programs).toHaveLength(4)
  })

  it('names the files as it is told, and reads standard input', async () => {
    const stdin = readFileSync(FIREWALL)
    expect(await cli(['build', '-', '-o', output], { stdin })).toMatchObject({ status: 2 })
    expect((await cli(['build', '-', '-o', output, '--name', 'gate'], { stdin })).status).toBe(0)
    expect(readdirSync(output)).toContain('gate.js')
    expect(read('gate.d.ts').toString()).toContain('export interface Gate extends Collection')
  })

  it('puts global variables in before verifying', async () => {
    await cli(['build', FIREWALL, '-o', output, '--global', 'threshold=5'])
    const contents = /'\.rodata': \{[\s\S]*?contents: '([^']*)'/.exec(read('firewall.js').toString())?.[1]
    expect(Buffer.from(contents!, 'base64').readUInt32LE()).toBe(5)
  })

  it('explains why a program is rejected, and writes nothing', async () => {
    const rejected = 'examples/rejections/packet-no-check.el.o'
    const { status, stdout, stderr } = await cli(['build', rejected, '-o', output])
    expect(status).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain('Linux: R1 offset is outside of the packet')
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^anybpf: .*drop_ipv6: insn \d+ .*\[ERR_REJECTED\]$/)
    expect(existsSync(output)).toBe(false)
    const json = JSON.parse((await cli(['build', rejected, '-o', output, '--json'])).stdout)
    expect(json.error).toMatchObject({ code: 'ERR_REJECTED', details: { program: 'drop_ipv6' } })
  })

  it('builds it all the same with --no-verify, and with a budget', async () => {
    const rejected = 'examples/rejections/packet-no-check.el.o'
    const { status, stdout } = await cli(['build', rejected, '-o', output, '--no-verify'])
    expect(status).toBe(0)
    expect(stdout).toContain('program drop_ipv6, xdp, not verified')
    expect(read('packet-no-check.js').toString()).toMatch(/verified: false,\s+budget: 100000000,/)
  })

  it.each([
    [
      'a map that the platform does not have',
      [FIREWALL, '--platform', 'linux:5.4'],
      1,
      /map events: .*\[ERR_UNSUPPORTED\]/,
    ],
    ['a big-endian object', ['examples/xdp-firewall/firewall.eb.o'], 1, /\[ERR_BYTE_ORDER\]/],
    ['a program type that cannot be run', ['test/objects/calls.el.o', '-p', 'optional'], 1, /\[ERR_UNSUPPORTED\]/],
    ['a program that is not there', [FIREWALL, '-p', 'nobody'], 2, /has no program "nobody".*\[ERR_NOT_FOUND\]/],
    [
      'a variable that is not there',
      [FIREWALL, '--global', 'nothing=1'],
      2,
      /no global variable nothing.*\[ERR_NOT_FOUND\]/,
    ],
    ['a platform that is not there', [FIREWALL, '--platform', 'plan9'], 2, /\[ERR_USAGE\]/],
    ['a name that is a path', [FIREWALL, '--name', 'a/b'], 2, /\[ERR_USAGE\]/],
    ['instruction bytes', ['examples/captures/mixed.pcap'], 3, /only objects are built \[ERR_FORMAT\]/],
    ['text', ['examples/README.md'], 3, /is no compiled BPF object.*\[ERR_FORMAT\]/],
  ])('refuses %s in one line, and writes nothing', async (_, argv, status, message) => {
    const result = await cli(['build', ...argv, '-o', output])
    expect(result.stderr).toMatch(message)
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1)
    expect(result.status).toBe(status)
    expect(existsSync(output)).toBe(false)
  })

  it('refuses a directory that is a file', async () => {
    writeFileSync(join(directory, 'file'), '')
    const { status, stderr } = await cli(['build', FIREWALL, '-o', join(directory, 'file')])
    expect(status).toBe(3)
    expect(stderr).toMatch(/file: is a file, not a directory \[ERR_IO\]/)
  })

  it('wants a directory', async () => {
    const { status, stderr } = await cli(['build', FIREWALL])
    expect(status).toBe(2)
    expect(stderr).toContain('--output')
  })
})
