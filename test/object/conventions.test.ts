/**
 * Conventions of loaders besides maps and globals: visibility, arenas, struct_ops, sections of iproute2, kernel
 * configurations.
 * @module
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { parseKconfig, Runtime, verifyObject } from '../../src/loader/index.ts'
import { linkProgram, type ObjectSpec, parseObject } from '../../src/object/index.ts'
import { linux } from '../../src/spec/index.ts'
import { cli } from '../support/cli.ts'
import { ORDERS, objectPath, readObject } from '../support/objects.ts'

const read = (name: Parameters<typeof readObject>[0], order: 'el' | 'eb' = 'el'): ObjectSpec =>
  parseObject(readObject(name, order))

describe.each(ORDERS)('functions that are hidden (%s)', (order) => {
  const spec = read('hidden', order)

  it('are told apart from global and weak ones', () => {
    const { hidden_read, global_read, weak_read } = spec.functions
    expect([hidden_read!.linkage, hidden_read!.hidden]).toEqual(['global', true])
    expect([global_read!.linkage, global_read!.hidden]).toEqual(['global', undefined])
    expect([weak_read!.linkage, weak_read!.hidden]).toEqual(['weak', undefined])
  })

  it('are verified at each call, as static ones are', () => {
    const [report] = verifyObject(spec, linux(), { programs: ['reads'], author: 'trusted' })
    expect(report!.error).toBeUndefined()
    // Seen from outside, its argument could be NULL.
    const visible = read('hidden', order)
    visible.functions['hidden_read']!.hidden = false
    const [seen] = verifyObject(visible, linux(), { programs: ['reads'], author: 'trusted' })
    expect(seen!.error).toMatchObject({ code: 'possibly_null' })
    expect(seen!.error!.source?.text).toContain('return *p')
  })

  it('stand beside programs that replace functions', () => {
    expect(spec.programs['replacement']).toMatchObject({ type: 'ext', attachTo: 'global_read' })
  })
})

describe.each(ORDERS)('variables in an arena (%s)', (order) => {
  const spec = read('arena', order)

  it('belong to the arena that the object declares, with what they begin with', () => {
    expect(Object.keys(spec.maps)).toEqual(['arena'])
    const arena = spec.maps['arena']!
    expect(arena).toMatchObject({ kind: 'arena', type: 33, maxEntries: 10, flags: 0x400 })
    expect(arena.variables).toMatchObject([
      { name: 'counter', offset: 0, size: 8 },
      { name: 'table', offset: 8, size: 400 },
    ])
    expect(new DataView(arena.contents!.buffer).getBigUint64(0, order === 'el')).toBe(5n)
    const references = linkProgram(spec, spec.programs['count']!).references
    expect(references).toMatchObject([
      { kind: 'map_value', map: 'arena', offset: 0 },
      { kind: 'map_value', map: 'arena', offset: 8 },
    ])
  })

  it('may be used by programs, and set beforehand', () => {
    const globals = order === 'el' ? { counter: 7n } : {}
    const [report] = verifyObject(spec, linux(), { author: 'trusted', globals })
    expect(report!.error).toBeUndefined()
  })
})

describe('an object by gcc', () => {
  it('is read, verified and run as one by clang', () => {
    const spec = parseObject(readFileSync(join(import.meta.dirname, '..', 'objects', 'gcc', 'counts.el.o')))
    expect(spec.problems).toEqual([])
    expect(Object.keys(spec.maps)).toEqual(['counts', '.data', '.rodata'])
    expect(spec.programs['count']).toMatchObject({ type: 'xdp' })
    expect(spec.functions['above']!.insns.length).toBeGreaterThan(0)
    const runtime = new Runtime()
    const loaded = runtime.load(spec)
    expect(loaded.program('count').run(new Uint8Array(64)).retval).toBe(3)
    expect(loaded.map('counts').get(1)).toBe(1n)
    runtime.dispose()
  })
})

describe('sections that iproute2 reads', () => {
  it.each(ORDERS)('fill program arrays by id and slot (%s)', (order) => {
    const spec = read('iproute2', order)
    expect(spec.maps['jumps']!.initialSlots).toEqual([
      { index: 3, target: { kind: 'program', program: 'three' } },
      { index: 5, target: { kind: 'program', program: 'five' } },
    ])
    const types = Object.values(spec.programs).map(({ name, type }) => [name, type])
    expect(types).toEqual([
      ['entry', 'sched_cls'],
      ['three', 'sched_cls'],
      ['five', 'sched_cls'],
      ['stray', 'unspec'],
    ])
  })

  it('are followed by tail calls', () => {
    const runtime = new Runtime()
    const loaded = runtime.load(read('iproute2'), { programs: ['entry'] })
    expect(Object.keys(loaded.programs)).toEqual(['entry', 'three', 'five'])
    expect(loaded.program('entry').run(new Uint8Array(64)).retval).toBe(5)
    runtime.dispose()
  })
})

describe.each(ORDERS)('struct_ops (%s)', (order) => {
  const spec = read('struct-ops', order)

  it('are maps whose values point to programs', () => {
    const { plain, linked } = spec.maps
    expect(plain).toMatchObject({ kind: 'struct_ops', section: '.struct_ops', valueSize: 40 })
    expect(linked).toMatchObject({ kind: 'struct_ops', section: '.struct_ops.link', valueSize: 40 })
    expect(plain!.pointers).toEqual([
      { offset: 0, target: { kind: 'function', function: 'half' } },
      { offset: 8, target: { kind: 'function', function: 'avoid' } },
    ])
    expect(linked!.pointers).toEqual([{ offset: 0, target: { kind: 'function', function: 'half' } }])
    expect(spec.btf!.describe(spec.btf!.resolve(plain!.btfValueType!).id)).toBe('struct tcp_congestion_ops')
  })

  it('name the members that programs implement', () => {
    expect(spec.programs['half']).toMatchObject({ type: 'struct_ops', attachTo: 'ssthresh', sleepable: false })
    expect(spec.programs['avoid']).toMatchObject({ type: 'struct_ops', attachTo: 'cong_avoid', sleepable: true })
  })
})

const CONFIG = `#
# Linux/x86 6.18.0 Kernel Configuration
CONFIG_HZ=250
CONFIG_BPF_JIT=y
# CONFIG_PREEMPT is not set
CONFIG_MODULE=m
CONFIG_BASE=0xffffffff81000000
CONFIG_DEFAULT_HOSTNAME="a \\"name\\""
CONFIG_EMPTY=""
not a line
`

describe('kernel configurations', () => {
  it('are read', () => {
    expect({ ...parseKconfig(CONFIG) }).toEqual({
      CONFIG_HZ: '250',
      CONFIG_BPF_JIT: 'y',
      CONFIG_MODULE: 'm',
      CONFIG_BASE: '0xffffffff81000000',
      CONFIG_DEFAULT_HOSTNAME: 'a "name"',
      CONFIG_EMPTY: '',
    })
    expect(Object.keys(parseKconfig('CONFIG_A=y\r\nCONFIG___proto__=y\r\n'))).toEqual(['CONFIG_A', 'CONFIG___proto__'])
  })

  const source = objectPath('externs', 'el')
  const verdictOf = async (...options: string[]): Promise<{ status: number | null; stderr: string }> => {
    return cli(['verify', source, '--log', 'none', ...options])
  }

  it('give values to externs on the command line, compressed or not', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'anybpf-kconfig-'))
    try {
      const [plain, packed, damaged] = ['config', 'config.gz', 'damaged.gz'].map((name) => join(directory, name))
      writeFileSync(plain!, CONFIG)
      writeFileSync(packed!, gzipSync(CONFIG))
      writeFileSync(damaged!, gzipSync(CONFIG).subarray(0, 30))
      for (const file of [plain!, packed!]) {
        const of = await verdictOf('--kconfig', file, '--kconfig', 'CONFIG_HZ=1000')
        expect(of.stderr).toBe('')
      }
      const broken = await verdictOf('--kconfig', damaged!)
      expect(broken.status).toBe(3)
      expect(broken.stderr).toMatch(/compressed with gzip, and damaged \[ERR_FORMAT\]\n$/)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it('say what is no value', async () => {
    const wrong = await verdictOf('--kconfig', 'CONFIG_HZ=many')
    expect(wrong.status).toBe(2)
    expect(wrong.stderr).toMatch(/^anybpf: [^\n]*CONFIG_HZ[^\n]*\n$/)
    const absent = await verdictOf('--kconfig', '/no/such/config')
    expect(absent.status).toBe(3)
    const text = await cli(['run', '-', '--kconfig', 'CONFIG_HZ=1'], { stdin: 'r0 = 0\nexit\n' })
    expect(text.stderr).toContain('--kconfig is for objects')
  })
})
