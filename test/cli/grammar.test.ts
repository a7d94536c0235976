import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createGrammar } from '../../src/cli/grammar/grammar.ts'
import { cli, errorLine } from '../support/cli.ts'

const COMMANDS = ['run', 'verify', 'inspect', 'disasm', 'asm', 'cfg', 'build', 'link', 'btf', 'gen']

describe('the command line', () => {
  it('has these commands, each with help that shows examples and --json', async () => {
    const io = { stdin: (async function* () {})(), stdout: sink(), stderr: sink(), env: {} }
    expect(createGrammar(io, '1.2.3', () => undefined).commands.map((command) => command.name())).toEqual(COMMANDS)
    for (const command of COMMANDS) {
      for (const argv of [
        [command, '--help'],
        [command, '-h'],
        ['help', command],
      ]) {
        const { status, stdout, stderr } = await cli(argv)
        expect(status).toBe(0)
        expect(stderr).toBe('')
        expect(stdout).toMatch(new RegExp(`^Usage: anybpf ${command} `))
        expect(stdout).toContain('--json')
        expect(stdout).toContain('Examples:')
      }
    }
  })

  it('keeps help within 120 columns', async () => {
    for (const argv of [['--help'], ...COMMANDS.map((command) => [command, '--help'])]) {
      for (const line of (await cli(argv)).stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(120)
    }
  })

  it('prints help and ends with status 2 where no command is given', async () => {
    const { status, stdout, stderr } = await cli([])
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^Usage: anybpf /)
  })

  it.each([
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['inspct', 'x.o'], /Did you mean inspect\?/],
    [['inspect'], /missing required argument 'file'/],
    [['inspect', 'a.o', 'b.o'], /too many arguments/],
    [['inspect', 'a.o', '--jsno'], /unknown option '--jsno'/],
    [['run', 'a.o', '--repeat', '0'], /whole number of at least 1/],
    [['run', 'a.o', '--repeat', '1.5'], /whole number/],
    [['run', 'a.o', '--seed', '4294967296'], /from 0 to 4294967295/],
    [['run', 'a.o', '--engine', 'quantum'], /Allowed choices are interpreter, jit/],
    [['run', 'a.o', '--write', 'out.pcap'], /--write needs --pcap/],
    [['run', 'a.o', '--unchecked'], /--unchecked needs --no-verify/],
    [['disasm', 'test/objects/text.el.o', '--big-endian'], /an object says its byte order/],
    [['build', 'a.o', '--outdir', 'x'], /-o, --output <dir>' not specified \(Did you mean -o by --outdir\?\)/],
    [['run', 'a.o', '--fresh'], /--fresh needs --repeat/],
    [['run', 'a.o', '--pcap', 'in.pcap', '--data', '00'], /give one/],
    [['run', 'a.o', '--pcap', 'in.pcap', '--repeat', '2'], /--repeat is for a single input/],
    [['asm', '-', '--syntax', 'intel'], /Allowed choices are kernel, conformance/],
  ])('refuses %j as one line with status 2', async (argv, message) => {
    const { status, stdout, stderr } = await cli(argv)
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(errorLine('ERR_USAGE'))
    expect(stderr).toMatch(message)
  })

  it('tells errors as JSON too where --json is given', async () => {
    const missing = await cli(['inspect', 'no-such-file.o', '--json'])
    expect(missing.status).toBe(3)
    expect(missing.stderr).toBe('anybpf: no-such-file.o: no such file or directory [ERR_NOT_FOUND]\n')
    expect(JSON.parse(missing.stdout)).toEqual({
      error: {
        code: 'ERR_NOT_FOUND',
        message: 'no such file or directory',
        subject: 'no-such-file.o',
        details: { errno: 'ENOENT' },
      },
    })
    const usage = await cli(['inspect', '--json'])
    expect(usage.status).toBe(2)
    expect(JSON.parse(usage.stdout)).toEqual({
      error: { code: 'ERR_USAGE', message: "missing required argument 'file'" },
    })
  })

  it('tells what a file is taken for when it is no program', async () => {
    const pcap = Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex')
    const asCapture = await cli(['disasm', '-'], { stdin: pcap })
    expect(asCapture.status).toBe(3)
    expect(asCapture.stderr).toContain('give it to --pcap')
    const binary = await cli(['disasm', '-'], { stdin: Buffer.from('b7000000010000009500000000000000', 'hex') })
    expect(binary.status).toBe(3)
    expect(binary.stderr).toContain('instruction bytes need --raw')
    expect((await cli(['disasm', 'src'])).stderr).toBe('anybpf: src: is a directory [ERR_IO]\n')
    const source = await cli(['run', 'examples/xdp-firewall/firewall.bpf.c'])
    expect(source.status).toBe(3)
    expect(source.stderr).toContain('this is C source: compile it first, with clang -O2 -g -target bpf -c')
    const odd = await cli(['run', 'examples/xdp-firewall/firewall.el.o', '--data', 'fff'])
    expect(odd.stderr).toBe('anybpf: --data: not hexadecimal bytes (an odd number of digits): "fff" [ERR_USAGE]\n')
    const short = await cli(['run', 'examples/xdp-firewall/firewall.el.o', '--data', 'ff'])
    expect(short.stdout).toContain('packet after it, 1 byte\n')
    const global = await cli(['run', 'examples/xdp-firewall/firewall.el.o', '--data', 'ff', '--global', 'threshold=-1'])
    expect(global.stderr).toContain('threshold: expected an unsigned integer of 32 bits, got -1')
  })

  it('says that an object lacks type information', async () => {
    const object = readFileSync('examples/xdp-firewall/firewall.el.o')
    // Without a section of that name there is no BTF: what clang writes without -g.
    for (let at = object.indexOf('.BTF\0'); at >= 0; at = object.indexOf('.BTF\0')) object.write('.BTX', at)
    const { status, stderr } = await cli(['run', '-', '--data', 'ff'], { stdin: object })
    expect(status).toBe(1)
    expect(stderr).toContain('compile it with clang -g')
  })

  it('answers -V in every position', async () => {
    for (const argv of [['--version'], ['-V']]) {
      const { status, stdout } = await cli(argv)
      expect(status).toBe(0)
      expect(stdout).toMatch(/^\d+\.\d+\.\d+/)
    }
  })
})

function sink() {
  return { write: () => undefined, isTTY: false }
}
