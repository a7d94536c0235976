import { spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseCapture } from '../../src/net/index.ts'
import { builtExecutables, cliProcess, errorLine } from '../support/cli.ts'

const FIREWALL = 'examples/xdp-firewall/firewall.el.o'
const CAPTURE = 'examples/captures/mixed.pcap'

let directory: string
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'anybpf-process-'))
  await builtExecutables()
})
afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
})

describe('the executable', () => {
  it('answers --version with the version of the package', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
    for (const option of ['--version', '-V']) {
      expect(await cliProcess([option])).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: '' })
    }
  })

  it('loads nothing but its entry for --version', async () => {
    // Time is too noisy to assert on; what takes it is not.
    const entry = join(await builtExecutables(), 'cli.js')
    const loader =
      'data:text/javascript,' +
      encodeURIComponent(
        "export async function load(url, context, next) { if (url.startsWith('file:')) console.error(url); return next(url, context) }",
      )
    const register = `data:text/javascript,${encodeURIComponent(`import { register } from 'node:module'; register(${JSON.stringify(loader)})`)}`
    const { stderr } = spawnSync(process.execPath, ['--import', register, entry, '--version'], { encoding: 'utf8' })
    expect(stderr.match(/file:\S+/g)?.map((url) => url.replace(/.*\//, ''))).toEqual(['cli.js'])
  })

  it('ends with 0, 1, 2 and 3', async () => {
    const statuses = await Promise.all([
      cliProcess(['inspect', FIREWALL]),
      cliProcess(['run', '--no-verify', '-'], { stdin: 'r0 = *(u8 *)(r0 + 0)\nexit\n' }),
      cliProcess(['inspect']),
      cliProcess(['inspect', '-'], { stdin: 'no object' }),
    ])
    expect(statuses.map(({ status }) => status)).toEqual([0, 1, 2, 3])
    expect(statuses[1]!.stderr).toMatch(errorLine('ERR_FAULT'))
    expect(statuses[2]!.stderr).toMatch(errorLine('ERR_USAGE'))
    // What is neither ELF nor assembler text, given where only an object makes sense.
    expect(statuses[3]!.stderr).toMatch(errorLine('ERR_ELF'))
  })

  it('reads a capture from a pipe and writes one to another', async () => {
    const argv = ['run', FIREWALL, '--pcap', '-', '--write', '-', '--json']
    const both = await cliProcess(argv, { stdin: readFileSync(CAPTURE) })
    expect(both.status).toBe(2)
    expect(both.stderr).toMatch(errorLine('ERR_USAGE'))
    const out = join(directory, 'out.pcapng')
    const toFile = await cliProcess(['run', FIREWALL, '--pcap', '-', '--write', out, '--json'], {
      stdin: readFileSync(CAPTURE),
    })
    const { packets } = JSON.parse(toFile.stdout)
    expect(packets.in).toBe(parseCapture(readFileSync(CAPTURE)).packets.length)
    expect(parseCapture(readFileSync(out)).packets).toHaveLength(packets.out)
  })

  it('writes instruction bytes to a pipe as they are', async () => {
    const { bytes } = await cliProcess(['asm', '-'], { stdin: 'r0 = 2\nexit\n' })
    expect(bytes.toString('hex')).toBe('b7000000020000009500000000000000')
  })

  it('ends quietly when nobody reads its output', async () => {
    const child = spawn(process.execPath, [join(await builtExecutables(), 'cli.js'), 'disasm', FIREWALL], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.destroy()
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk
    })
    await new Promise((resolve) => child.once('close', resolve))
    expect(stderr).toBe('')
  })

  it.skipIf(process.platform === 'win32')('ends as it would have when its output is cut short', async () => {
    const entry = join(await builtExecutables(), 'cli.js')
    const of = (command: string): string => {
      const script = `anybpf() { '${process.execPath}' '${entry}' "$@"; }; ${command} | head -n 1 > /dev/null; echo "\${PIPESTATUS[0]}"`
      return spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout.trim()
    }
    expect(of('anybpf verify examples/rejections/*.el.o')).toBe('1')
    expect(of(`anybpf verify ${FIREWALL} ${FIREWALL} ${FIREWALL}`)).toBe('0')
    expect(of('anybpf run examples/rejections/map-null-check.el.o 2>&1')).toBe('1')
    expect(of(`anybpf disasm ${FIREWALL}`)).toBe('0')
  })

  it.skipIf(!existsSync('/dev/full'))('says when its output cannot be written', async () => {
    const entry = join(await builtExecutables(), 'cli.js')
    const full = openSync('/dev/full', 'w')
    const { status, stderr } = spawnSync(process.execPath, [entry, 'disasm', FIREWALL], {
      encoding: 'utf8',
      stdio: ['ignore', full, 'pipe'],
    })
    closeSync(full)
    expect([status, stderr]).toEqual([3, 'anybpf: standard output: no space left on the device [ERR_IO]\n'])
  })

  it('leaves no half-written capture when it is interrupted', async () => {
    const child = spawn(
      process.execPath,
      [
        join(await builtExecutables(), 'cli.js'),
        'run',
        FIREWALL,
        '--pcap',
        '-',
        '--write',
        join(directory, 'cut.pcap'),
      ],
      { stdio: ['pipe', 'ignore', 'inherit'] },
    )
    child.stdin.on('error', () => undefined)
    // The capture stays open: the command waits for more.
    child.stdin.write(readFileSync(CAPTURE))
    const temporary = (): string[] => readdirSync(directory).filter((name) => name.includes('cut.pcap'))
    while (temporary().length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    const ended = new Promise((resolve) => child.once('exit', (_status, signal) => resolve(signal)))
    child.kill('SIGINT')
    expect(await ended).toBe('SIGINT')
    expect(temporary()).toEqual([])
  })
})
