import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cli, errorLine } from '../support/cli.ts'

const FIREWALL = 'examples/xdp-firewall/firewall.el.o'
const TAIL_CALLS = 'examples/socket-tail-calls/filter.el.o'
const golden = (name: string): string => join(import.meta.dirname, 'golden', name)

describe('inspect', () => {
  it('prints what is in an object', async () => {
    const { status, stdout, stderr } = await cli(['inspect', FIREWALL])
    expect(status).toBe(0)
    expect(stderr).toBe('')
    await expect(stdout).toMatchFileSnapshot(golden('inspect-firewall.txt'))
  })

  it('prints static initialisers of a prog_array', async () => {
    const { stdout } = await cli(['inspect', TAIL_CALLS])
    await expect(stdout).toMatchFileSnapshot(golden('inspect-tail-calls.txt'))
    expect(stdout).toContain('[6] = filter_tcp')
  })

  it('gives the same as JSON, with the keys that the help promises', async () => {
    const { status, stdout } = await cli(['inspect', FIREWALL, '--json'])
    expect(status).toBe(0)
    const document = JSON.parse(stdout)
    for (const key of ['programs', 'functions', 'maps', 'globals', 'externs', 'sections', 'relocations', 'btf']) {
      expect(document).toHaveProperty(key)
    }
    expect(document).toMatchObject({
      file: FIREWALL,
      byteOrder: 'little',
      license: 'Dual MIT/GPL',
      conformanceGroups: ['atomic64', 'base32', 'base64'],
      problems: [],
    })
    expect(document.programs).toEqual([
      {
        name: 'firewall',
        section: 'xdp',
        linkage: 'global',
        type: 'xdp',
        insns: 191,
        conformanceGroups: ['atomic64', 'base32', 'base64'],
        helpers: ['map_lookup_elem', 'map_update_elem', 'trace_printk'],
        maps: ['counters', 'blocked', 'sources', '.rodata'],
        calls: ['report'],
        externs: [],
        lines: expect.any(Number),
        coreRelocations: 0,
        attachType: 'xdp',
        sleepable: false,
        frags: false,
        autoload: true,
      },
    ])
    expect(document.maps.map((map: { name: string; type: string }) => [map.name, map.type])).toEqual([
      ['blocked', 'hash'],
      ['counters', 'percpu_array'],
      ['sources', 'hash'],
      ['events', 'ringbuf'],
      ['.rodata', 'array'],
    ])
    expect(document.globals[0]).toEqual({
      name: 'threshold',
      map: '.rodata',
      offset: 0,
      size: 4,
      type: 'volatile const __u32',
      linkage: 'global',
    })
    expect(document.relocations).toMatchObject({ r64_64: 13, r64_32: 1 })
    const kinds: number[] = Object.values(document.btf.kinds)
    expect(kinds.reduce((sum, count) => sum + count, 0)).toBe(document.btf.types)
  })

  it('reads big-endian objects, and standard input', async () => {
    const big = readFileSync('examples/xdp-firewall/firewall.eb.o')
    const document = JSON.parse((await cli(['inspect', '-', '--json'], { stdin: big })).stdout)
    expect(document).toMatchObject({ file: '-', byteOrder: 'big', license: 'Dual MIT/GPL' })
    expect(document.maps).toHaveLength(5)
  })

  it('shows names that hold control characters without obeying them', async () => {
    // The licence is text of the file's choosing, shown to a person at a terminal.
    const bytes = Buffer.from(readFileSync(FIREWALL))
    const at = bytes.indexOf('Dual MIT/GPL')
    bytes.write('\x1b[31mA\nB', at)
    const { status, stdout } = await cli(['inspect', '-'], { stdin: bytes })
    expect(status).toBe(0)
    expect(stdout).not.toContain('\x1b')
    expect(stdout).toContain('\\u001b[31mA\\u000aB')
  })

  it('refuses malformed files with one line and status 3', async () => {
    const object = readFileSync(FIREWALL)
    const cases: Buffer[] = [
      object.subarray(0, 3),
      object.subarray(0, 40),
      object.subarray(0, object.length / 2),
      Buffer.concat([object.subarray(0, 4), Buffer.from([1]), object.subarray(5)]),
      Buffer.from('not an object\n'),
      Buffer.alloc(0),
    ]
    for (const stdin of cases) {
      const { status, stdout, stderr } = await cli(['inspect', '-'], { stdin })
      expect(status).toBe(3)
      expect(stdout).toBe('')
      expect(stderr).toMatch(errorLine('ERR_ELF'))
      expect(stderr).toMatch(/^anybpf: standard input: /)
    }
  })
})
