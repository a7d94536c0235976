import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cli, errorLine } from '../support/cli.ts'

const FIREWALL = 'examples/xdp-firewall/firewall.el.o'
const CALLS = 'test/objects/calls.el.o'
const FIREWALL_BIG = 'examples/xdp-firewall/firewall.eb.o'
const golden = (name: string): string => join(import.meta.dirname, 'golden', name)

describe('disasm', () => {
  it('prints an object with its source lines, labels and names', async () => {
    const calls = await cli(['disasm', CALLS, '--bytes'])
    expect([calls.status, calls.stderr]).toEqual([0, ''])
    await expect(calls.stdout).toMatchFileSnapshot(golden('disasm-calls.txt'))
    const { stdout } = await cli(['disasm', FIREWALL])
    expect(stdout).toContain('# map blocked')
    expect(stdout).toContain('call report')
    expect(stdout).toContain('call map_lookup_elem#1')
    expect(stdout).toMatch(/; firewall\.bpf\.c:\d+: if \(bpf_map_lookup_elem\(&blocked, &source\)\) \{/)
  })

  it('prints the same instructions for both byte orders where the compiler chose the same', async () => {
    const insns = async (file: string) =>
      JSON.parse((await cli(['disasm', file, '--program', 'report', '--json'])).stdout)
    const little = await insns(FIREWALL)
    const big = await insns(FIREWALL_BIG)
    expect([little.byteOrder, big.byteOrder]).toEqual(['little', 'big'])
    const texts = (document: typeof little): string[] =>
      document.functions[0].insns.map((insn: { text: string }) => insn.text)
    expect(texts(big)).toEqual(texts(little))
    const bytes = (document: typeof little): string => document.functions[0].insns[0].bytes
    expect(bytes(big)).not.toBe(bytes(little))
  })

  it('gives slot, bytes, text, label, source and reference as JSON', async () => {
    const { status, stdout } = await cli(['disasm', FIREWALL, '--json'])
    expect(status).toBe(0)
    const document = JSON.parse(stdout)
    expect(document).toMatchObject({ file: FIREWALL, byteOrder: 'little' })
    const [program, report] = document.functions
    expect(program).toMatchObject({ name: 'firewall', section: 'xdp', type: 'xdp' })
    expect(report).toMatchObject({ name: 'report', section: '.text' })
    expect(program.insns[0]).toEqual({
      slot: 0,
      bytes: '6112000000000000',
      text: 'w2 = *(u32 *)(r1 + 0)',
      source: {
        file: expect.stringMatching(/firewall\.bpf\.c$/),
        line: expect.any(Number),
        column: expect.any(Number),
        text: expect.any(String),
      },
    })
    const call = program.insns.find((insn: { text: string }) => insn.text === 'call report')
    expect(call.reference).toBe('report')
    const wide = program.insns.find((insn: { reference?: string }) => insn.reference === 'map blocked')
    expect(wide.bytes).toHaveLength(32)
  })

  it('prints one program or function on request, and says which there are', async () => {
    const { stdout } = await cli(['disasm', FIREWALL, '-p', 'report', '--no-source'])
    expect(stdout).toMatch(/^; report: section \.text, 19 insns\n/)
    expect(stdout).not.toContain('firewall.bpf.c')
    const wrong = await cli(['disasm', FIREWALL, '-p', 'nothing'])
    expect(wrong.status).toBe(2)
    expect(wrong.stderr).toMatch(errorLine('ERR_NOT_FOUND'))
    expect(wrong.stderr).toContain('firewall, report')
  })

  it('reads instruction bytes, binary or as hexadecimal text', async () => {
    const hex = 'b7000000 2a000000\n9500000000000000\n'
    const asText = await cli(['disasm', '--raw', '--bytes', '-'], { stdin: hex })
    expect(asText.stdout).toBe(
      '; program: 2 insns\n' +
        `  0: ${'b7 00 00 00 2a 00 00 00'.padEnd(47)}  r0 = 42\n` +
        `  1: ${'95 00 00 00 00 00 00 00'.padEnd(47)}  exit\n`,
    )
    const binary = Buffer.from(hex.replace(/\s/g, ''), 'hex')
    expect((await cli(['disasm', '--raw', '--bytes', '-'], { stdin: binary })).stdout).toBe(asText.stdout)
    const big = Buffer.from('b70000000000002a9500000000000000', 'hex')
    expect((await cli(['disasm', '--raw', '--big-endian', '-'], { stdin: big })).stdout).toContain('r0 = 42')
  })

  it('refuses bytes that are no instructions, with one line and status 3', async () => {
    for (const stdin of ['b7', 'ff00000000000000', '1800000000000000']) {
      const { status, stdout, stderr } = await cli(['disasm', '--raw', '-'], { stdin })
      expect(status).toBe(3)
      expect(stdout).toBe('')
      expect(stderr).toMatch(errorLine('ERR_DECODE'))
    }
  })

  it('prints text that assembles to the same bytes again', async () => {
    const source = 'r1 = 5\nagain: r0 += r1\nr1 -= 1\nif r1 != 0 goto again\nr2 = 81985529216486895 ll\ncall 7\nexit\n'
    const first = (await cli(['asm', '-', '--hex'], { stdin: source })).stdout
    const text = (await cli(['disasm', '--raw', '--plain', '-'], { stdin: first })).stdout
    const second = (await cli(['asm', '-', '--hex'], { stdin: text })).stdout
    expect(first.split('\n')).toHaveLength(9)
    expect(second).toBe(first)
  })

  it('colours a terminal only, and not with NO_COLOR', async () => {
    const colour = '\x1b['
    expect((await cli(['disasm', FIREWALL], { tty: true })).stdout).toContain(colour)
    expect((await cli(['disasm', FIREWALL], { tty: true, env: { NO_COLOR: '1' } })).stdout).not.toContain(colour)
    expect((await cli(['disasm', FIREWALL])).stdout).not.toContain(colour)
  })
})

describe('asm', () => {
  const text = 'r0 = 1; exit\n'
  const hex = 'b7 00 00 00 01 00 00 00\n95 00 00 00 00 00 00 00\n'

  it('writes bytes to standard output, and hexadecimal text to a terminal', async () => {
    expect((await cli(['asm', '-'], { stdin: text })).bytes.toString('hex')).toBe(hex.replace(/\s/g, ''))
    expect((await cli(['asm', '-'], { stdin: text, tty: true })).stdout).toBe(hex)
    expect((await cli(['asm', '-', '--hex'], { stdin: text })).stdout).toBe(hex)
  })

  it('encodes for big-endian machines', async () => {
    expect((await cli(['asm', '-', '--big-endian'], { stdin: text })).bytes.toString('hex')).toBe(
      'b7000000000000019500000000000000',
    )
  })

  it('takes helpers by their names, with or without bpf_', async () => {
    const call = async (name: string) => (await cli(['asm', '-', '--hex'], { stdin: `call ${name}\nexit\n` })).stdout
    expect(await call('map_lookup_elem')).toBe(await call('1'))
    expect(await call('bpf_ktime_get_ns')).toBe(await call('5'))
  })

  it('holds to one syntax on request', async () => {
    expect((await cli(['asm', '-', '--hex'], { stdin: 'mov %r0, 1\nexit\n' })).stdout).toBe(hex)
    const refused = await cli(['asm', '-', '--syntax', 'kernel'], { stdin: 'mov %r0, 1\nexit\n' })
    expect(refused.status).toBe(3)
    expect(refused.stderr).toMatch(errorLine('ERR_ASSEMBLE'))
  })

  it('says what it made as JSON', async () => {
    const { stdout } = await cli(['asm', '-', '--json'], { stdin: 'r0 *= 3\nr1 = 1 ll\nexit\n' })
    expect(JSON.parse(stdout)).toEqual({
      slots: 4,
      bytes: 32,
      hex: '2700000003000000' + '18010000010000000000000000000000' + '9500000000000000',
      conformanceGroups: ['base32', 'base64', 'divmul64'],
    })
  })

  it('names the place of an error', async () => {
    const { status, stdout, stderr } = await cli(['asm', '-'], { stdin: 'r0 = 1\nr0 =! 2\nexit\n' })
    expect(status).toBe(3)
    expect(stdout).toBe('')
    expect(stderr).toMatch(errorLine('ERR_ASSEMBLE'))
    expect(stderr).toMatch(/^anybpf: standard input: .*2/)
  })

  it('wants to know what an object is, and leaves no file without that', async () => {
    const { status, stderr } = await cli(['asm', '-', '-o', 'x.o'], { stdin: text })
    expect(status).toBe(2)
    expect(stderr).toMatch(errorLine('ERR_USAGE'))
    expect(stderr).toContain('--section xdp')
    expect(existsSync('x.o')).toBe(false)
  })
})

describe('cfg', () => {
  it('prints the graph of a program and the functions that it reaches', async () => {
    const { status, stdout } = await cli(['cfg', CALLS, '--program', 'entry'])
    expect(status).toBe(0)
    await expect(stdout).toMatchFileSnapshot(golden('cfg-calls.dot'))
    expect(stdout).toContain('digraph "entry"')
    for (const name of ['leaf', 'global_leaf', 'beside', 'elsewhere', 'each'])
      expect(stdout).toContain(`label="${name}"`)
    const part = await cli(['cfg', CALLS, '--program', 'global_leaf'])
    expect(part.stdout).toContain('digraph "global_leaf"')
    expect(part.stdout).not.toContain('label="beside"')
  })

  it('gives blocks, edges and loops as JSON', async () => {
    const stdin = 'r0 = 0\nr1 = 3\nloop: r0 += r1\nr1 -= 1\nif r1 != 0 goto loop\nexit\n'
    const document = JSON.parse((await cli(['cfg', '-', '--json'], { stdin })).stdout)
    expect(
      document.blocks.map((block: { first: number; successors: number[] }) => [block.first, block.successors]),
    ).toEqual([
      [0, [1]],
      [2, [2, 1]],
      [5, []],
    ])
    expect(document.loops).toEqual([{ header: 1, parent: null, depth: 1 }])
    expect(document.blocks[1].insns).toEqual([
      { slot: 2, text: 'r0 += r1' },
      { slot: 3, text: 'r1 -= 1' },
      { slot: 4, text: 'if r1 != 0 goto L1' },
    ])
    expect(document.defects).toEqual([])
  })

  it('shows a program that no verifier would take', async () => {
    const { status, stdout } = await cli(['cfg', '-'], { stdin: 'goto +7\nr0 = 0\n' })
    expect(status).toBe(0)
    expect(stdout).toContain('goes outside of the program')
    expect(stdout).toContain('falls off the end')
  })

  it('wants a choice between several programs', async () => {
    const object = 'examples/socket-tail-calls/filter.el.o'
    const { status, stderr } = await cli(['cfg', object])
    expect(status).toBe(2)
    expect(stderr).toMatch(errorLine('ERR_USAGE'))
    expect((await cli(['cfg', object, '--program', 'filter_tcp'])).status).toBe(0)
  })
})
