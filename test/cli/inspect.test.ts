import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseElf } from '../../src/elf/index.ts'
import { cli, errorLine } from '../support/cli.ts'

const FIREWALL = 'examples/xdp-firewall/firewall.el.o'
const objectPath = (name: string): string => `test/objects/${name}.el.o`
const golden = (name: string): string => join(import.meta.dirname, 'golden', name)

describe('inspect', () => {
  it.each(['maps', 'externs', 'legacy'])('prints what is in an object: %s', async (name) => {
    const { status, stdout, stderr } = await cli(['inspect', objectPath(name)])
    expect(status).toBe(0)
    expect(stderr).toBe('')
    await expect(stdout).toMatchFileSnapshot(golden(`inspect-${name}.txt`))
  })

  it('gives the same as JSON, with the keys that the help promises', async () => {
    const file = objectPath('maps')
    const { status, stdout } = await cli(['inspect', file, '--json'])
    expect(status).toBe(0)
    const document = JSON.parse(stdout)
    expect(Object.keys(document)).toEqual([
      'file',
      'byteOrder',
      'license',
      'conformanceGroups',
      'programs',
      'functions',
      'maps',
      'globals',
      'externs',
      'sections',
      'relocations',
      'problems',
      'btf',
    ])
    expect(document).toMatchObject({ file, byteOrder: 'little', license: 'Dual MIT/GPL', functions: [], problems: [] })
    expect(document.programs.find((program: { name: string }) => program.name === 'count')).toEqual({
      name: 'count',
      section: 'xdp',
      linkage: 'global',
      type: 'xdp',
      attachType: 'xdp',
      insns: expect.any(Number),
      conformanceGroups: ['base32', 'base64'],
      helpers: ['map_lookup_elem', 'tail_call'],
      maps: expect.arrayContaining(['flows', 'sized', 'jumps', '.bss', '.data']),
      calls: [],
      externs: [],
      lines: expect.any(Number),
      coreRelocations: 0,
      sleepable: false,
      frags: false,
      autoload: true,
    })
    const map = (name: string) => document.maps.find((each: { name: string }) => each.name === name)
    expect(map('flows')).toEqual({
      name: 'flows',
      kind: 'map',
      section: '.maps',
      type: 'hash',
      typeId: 1,
      keySize: 8,
      valueSize: 16,
      maxEntries: 1024,
      flags: 1,
      pinning: 1,
      key: 'struct flow',
      value: 'struct counters',
    })
    expect(map('outer')).toMatchObject({ type: 'array_of_maps', innerMap: { type: 'array', maxEntries: 7 } })
    expect(map('outer').initialSlots).toEqual([
      { index: 1, target: 'first' },
      { index: 3, target: 'second' },
    ])
    expect(map('jumps').initialSlots).toEqual([{ index: 1, target: 'pass' }])
    expect(document.globals).toContainEqual({
      name: 'zeroed',
      map: '.bss',
      offset: 0,
      size: 32,
      type: '__u64[4]',
      linkage: 'global',
    })
    const kinds: number[] = Object.values(document.btf.kinds)
    expect(kinds.reduce((sum, count) => sum + count, 0)).toBe(document.btf.types)
  })

  it('opens every example', async () => {
    for (const name of [
      'xdp-firewall/firewall',
      'xdp-load-balancer/load_balancer',
      'tc-flows/flows',
      'socket-tail-calls/filter',
    ]) {
      for (const order of ['el', 'eb']) {
        const { status, stdout } = await cli(['inspect', `examples/${name}.${order}.o`])
        expect(status).toBe(0)
        expect(stdout).toMatch(/\nPrograms\n/)
        expect(stdout).not.toContain('Problems')
      }
    }
  })

  it('reads big-endian objects, and standard input', async () => {
    const big = readFileSync('examples/xdp-firewall/firewall.eb.o')
    const document = JSON.parse((await cli(['inspect', '-', '--json'], { stdin: big })).stdout)
    expect(document).toMatchObject({ file: '-', byteOrder: 'big', license: 'Dual MIT/GPL' })
    expect(document.maps.length).toBeGreaterThanOrEqual(5)
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

  it('shows the rest of a file whose unneeded parts are broken', async () => {
    // `.rel.BTF` is not needed to read BTF; its records have 16 bytes.
    const bytes = Buffer.from(readFileSync(objectPath('maps')))
    const elf = parseElf(bytes)
    const { index } = elf.section('.rel.BTF')!
    const sizeField = Number(bytes.readBigUInt64LE(40)) + 64 * index + 32
    bytes.writeBigUInt64LE(bytes.readBigUInt64LE(sizeField) - 1n, sizeField)
    const { status, stdout } = await cli(['inspect', '-', '--json'], { stdin: bytes })
    expect(status).toBe(0)
    const document = JSON.parse(stdout)
    expect(document.problems).toEqual([expect.stringContaining('.rel.BTF')])
    expect(document.programs).toHaveLength(2)
    const text = await cli(['inspect', '-'], { stdin: bytes })
    expect(text.stdout).toMatch(/\nProblems\n {2}[^\n]*\.rel\.BTF/)
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
