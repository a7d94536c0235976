/**
 * What a skeleton does: the example that uses one, variables before and after loading, objects that are not the skeleton's, uses that the
 * type checker must refuse, and names that somebody chose with care.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openSkeleton, Runtime } from 'anybpf'
import { generateSkeleton, generateTypes } from 'anybpf/gen'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { audit } from '../../examples/xdp-firewall/audit.ts'
import { openFirewall } from '../../examples/xdp-firewall/firewall.skel.ts'
import { BtfBuilder } from '../../src/btf/index.ts'
import { type MapSpec, type ObjectSpec, parseObject } from '../../src/object/index.ts'
import { cli } from '../support/cli.ts'
import { parseExample, readExample, readPackets } from '../support/examples.ts'
import { readObject } from '../support/objects.ts'
import { checkTypeScript } from '../support/typescript.ts'

const EXAMPLES = join(import.meta.dirname, '..', '..', 'examples')
const FIREWALL = readExample('xdp-firewall/firewall.el.o')

function code(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return `${(error as { code?: string }).code}: ${(error as Error).message}`
  }
  return 'done'
}

describe('the example with a skeleton', () => {
  it('has the skeleton that is generated', async () => {
    const { stdout } = await cli(['gen', 'skeleton', join(EXAMPLES, 'xdp-firewall', 'firewall.el.o')])
    expect(readFileSync(join(EXAMPLES, 'xdp-firewall', 'firewall.skel.ts'), 'utf8')).toBe(stdout)
  })

  it('counts and tells what the command line does', () => {
    const blocked = ['198.51.100.7', '203.0.113.1', '203.0.113.4', '203.0.113.7']
    const packets = readPackets('mixed.pcap').map(({ data }) => data)
    const { packets: counted, events } = audit(FIREWALL, packets, blocked)
    expect(Object.fromEntries(counted)).toEqual({
      REASON_PASSED: 466n,
      REASON_BLOCKED: 52n,
      REASON_TOO_MANY: 180n,
      REASON_MALFORMED: 9n,
      REASON_NOT_IPV4: 166n,
    })
    expect(events).toHaveLength(232)
    expect(events[0]).toMatchObject({ source: 3405803780, reason: 'REASON_BLOCKED', length: 47 })
  })
})

describe('global variables', () => {
  it('of .rodata are set before loading, and constant after', () => {
    const firewall = openFirewall(FIREWALL)
    const { rodata } = firewall.globals
    expect(rodata.threshold).toBe(0)
    rodata.threshold = '0x28'
    expect(rodata.threshold).toBe(40)
    expect(rodata['firewall.____fmt']).toBe('%pI4 sent more than %u packets')
    expect(code(() => Object.assign(rodata, { threshold: -1 }))).toMatch(/^ERR_USAGE: threshold: expected an unsigned/)
    using runtime = new Runtime()
    const loaded = firewall.load(runtime)
    expect(loaded.globals.rodata.threshold).toBe(40)
    expect(code(() => Object.assign(loaded.globals.rodata, { threshold: 1 }))).toMatch(
      /^ERR_USAGE: threshold is constant/,
    )
    expect(loaded.maps['.rodata'].get(0)?.threshold).toBe(40)
    loaded.dispose()
    expect(code(() => loaded.globals.rodata.threshold)).toMatch(/^ERR_DISPOSED/)
  })

  it('of .bss are read from memory and written to it, where programs see them', async () => {
    const flows = openSkeleton<FlowsTypes>(
      readExample('tc-flows/flows.el.o'),
      describeOf(parseExample('tc-flows/flows.el.o')),
    )
    flows.globals.bss.lost = 5n
    using runtime = new Runtime()
    const loaded = flows.load(runtime)
    expect(loaded.globals.bss.lost).toBe(5n)
    expect(loaded.globals.bss.skipped).toBe(0n)
    loaded.programs.count_flows.run(new Uint8Array(60))
    expect(loaded.globals.bss.skipped).toBe(1n)
    loaded.globals.bss.skipped = 41n
    loaded.programs.count_flows.run(new Uint8Array(60))
    expect([loaded.globals.bss.skipped, loaded.globals.bss.lost]).toEqual([42n, 5n])
    // A second load starts from what the skeleton says.
    expect(flows.load(runtime).globals.bss.lost).toBe(5n)
  })

  it('of .kconfig are given before loading', () => {
    const spec = parseObject(readObject('externs', 'el'))
    const names = spec.maps['.kconfig']!.variables!.map(({ name }) => name)
    expect(names).toContain('CONFIG_HZ')
    const opened = openSkeleton<{ programs: object; maps: object; globals: { kconfig: Record<string, unknown> } }>(
      readObject('externs', 'el'),
      describeOf(spec),
    )
    const { kconfig } = opened.globals
    expect(kconfig['CONFIG_HZ']).toBeUndefined()
    kconfig['CONFIG_HZ'] = 250
    expect(Number(kconfig['CONFIG_HZ'])).toBe(250)
  })
})

interface FlowsTypes {
  readonly programs: { readonly count_flows: { run(packet: Uint8Array): unknown } }
  readonly maps: object
  readonly globals: { readonly bss: { lost: bigint; skipped: bigint } }
}

/** The description that the generated module has. */
function describeOf(spec: ObjectSpec) {
  const { text } = generateSkeleton(spec, { name: 'test', origin: 'a test' })
  const { outputText } = ts.transpileModule(text, { compilerOptions: { target: ts.ScriptTarget.ES2022 } })
  const literal = /^const description = (\{[\s\S]*?^\});$/m.exec(outputText)![1]!
  return new Function(`return ${literal}`)()
}

describe('a skeleton', () => {
  it('refuses an object that is not its own', () => {
    expect(code(() => openFirewall(readExample('tc-flows/flows.el.o')))).toBe(
      'ERR_OBJECT: firewall: the object is not the one that the skeleton was generated from: it has no program firewall; generate it again',
    )
    const spec = parseExample('xdp-firewall/firewall.el.o')
    const description = describeOf(spec)
    const changed = (part: object) => code(() => openSkeleton(FIREWALL, { ...description, ...part }))
    expect(changed({})).toBe('done')
    expect(changed({ maps: { blocked: { type: 1, keySize: 4, valueSize: 8 } } })).toMatch(
      /map blocked is of type 1 with 4 and 4 bytes, not of type 1 with 4 and 8 bytes/,
    )
    expect(changed({ programs: { firewall: 'sched_cls' } })).toMatch(/program firewall is xdp, not sched_cls/)
    expect(
      changed({ globals: { rodata: { map: '.rodata', variables: { threshold: { offset: 4, size: 4 } } } } }),
    ).toMatch(/variable threshold is 4 bytes at 0 of \.rodata, not 4 bytes at 4 of \.rodata/)
    expect(code(() => openFirewall(new Uint8Array(10)))).toMatch(/^ERR_ELF/)
  })

  it('throws for what was not loaded, and not before', () => {
    const firewall = openFirewall(FIREWALL)
    firewall.programs.firewall.autoload = false
    using runtime = new Runtime()
    const loaded = firewall.load(runtime)
    expect(code(() => loaded.programs.firewall)).toBe('ERR_NOT_FOUND: program firewall was not loaded')
    expect(loaded.maps.blocked.size).toBe(0)
  })

  it('takes maps of others', () => {
    using runtime = new Runtime()
    const first = openFirewall(FIREWALL).load(runtime)
    const second = openFirewall(FIREWALL).load(runtime, { maps: { blocked: first.maps.blocked } })
    first.maps.blocked.set({ addr: 5 }, 1)
    expect([...second.maps.blocked.keys()]).toEqual([{ addr: 5 }])
  })
})

describe('the type checker', () => {
  it('refuses what the codecs refuse, and nothing that they take', () => {
    const skeleton = readFileSync(join(EXAMPLES, 'xdp-firewall', 'firewall.skel.ts'), 'utf8')
    const use = `
import type { LoadedFirewall, Firewall, event, reason } from './firewall.skel.ts'
export function use({ maps, globals, programs }: LoadedFirewall, before: Firewall): void {
  maps.blocked.set({ addr: 1 }, 1)
  maps.blocked.set({ addr: '10.0.0.1' }, 1n)
  maps.blocked.set({ addr: '0x10' }, true)
  maps.blocked.set({}, '12')
  maps.blocked.set(new Uint8Array(4), new Uint8Array(4))
  // @ts-expect-error a member that is not there
  maps.blocked.set({ address: 1 }, 1)
  // @ts-expect-error no number
  maps.blocked.set({ addr: 'ten' }, 1)
  // @ts-expect-error no key
  maps.blocked.get('10.0.0.1')
  // @ts-expect-error it may not be there
  maps.sources.get({ addr: 1 }).packets
  const counters: readonly { packets: bigint; bytes: bigint }[] | undefined = maps.counters.get('REASON_PASSED')
  maps.counters.get(3)
  maps.counters.set('REASON_PASSED', { packets: 1 })
  maps.counters.set('REASON_PASSED', [{ packets: 1 }])
  // @ts-expect-error no such name
  maps.counters.get('REASON_UNKNOWN')
  // @ts-expect-error 64 bits are a bigint
  const packets: number = maps.counters.get(0)![0]!.packets
  const record: event | undefined = maps.events.read()
  const why: reason | undefined = record?.reason
  // @ts-expect-error a ring buffer has no keys
  maps.events.get(0)
  // @ts-expect-error a hash has no records
  const none: event = maps.blocked.read()
  before.globals.rodata.threshold = '7'
  before.globals.rodata['firewall.____fmt'] = 'text'
  // @ts-expect-error it is constant now
  globals.rodata.threshold = 7
  globals.bss.unused_event = 0
  // @ts-expect-error no such map
  maps.flows
  // @ts-expect-error no such program
  programs.balance
  const verdict: 'XDP_ABORTED' | 'XDP_DROP' | 'XDP_PASS' | 'XDP_TX' | 'XDP_REDIRECT' | number = programs.firewall.run(new Uint8Array(60)).verdict
  void [counters, packets, why, none, verdict]
}
`
    expect(
      checkTypeScript(
        new Map([
          ['firewall.skel.ts', skeleton],
          ['use.ts', use],
        ]),
      ),
    ).toEqual([])
  })
})

/** Names that end what they stand in, mean something to the language, or are there twice. */
const HOSTILE = [
  '__proto__',
  'constructor',
  'class',
  'anybpf',
  'Readonly',
  'description',
  'Uint8Array',
  "it's",
  '"quoted"',
  'back\\slash',
  '*/ globalThis.pwned = 1; /*',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that is the point
  '`${globalThis.pwned = 1}`',
  'line\nbreak',
  'line\u2028separator',
  '\u202eright-to-left',
  '</script>',
  '0',
  '1e3',
  'ünïcode',
  ' ',
  'x'.repeat(3000),
]

describe('hostile names', () => {
  const btf = new BtfBuilder()
  const u32 = btf.int('*/ unsigned', 4)
  const text = btf.array(btf.int('char', 1, { char: true, signed: true }), 8, u32)
  const structs = HOSTILE.map((name) =>
    btf.struct(name, 8 * HOSTILE.length, [
      ...HOSTILE.map((member, i) => ({ name: member, type: u32, bitOffset: 64 * i, bitSize: 0 })),
    ]),
  )
  // The same names again, for other types.
  const enums = HOSTILE.map((name) =>
    btf.enum(
      name,
      HOSTILE.map((one, value) => ({ name: one, value })),
    ),
  )
  const typedefs = HOSTILE.map((name, i) => btf.typedef(name, i % 2 === 0 ? structs[i]! : text))
  const variables = HOSTILE.map((name, i) => ({ name, id: btf.var(name, enums[i]!), offset: 4 * i, size: 4 }))
  const built = btf.build()
  const map = (name: string, i: number): MapSpec => ({
    name,
    kind: 'map',
    section: name,
    type: [1, 6, 3, 27][i % 4]!,
    keySize: 4,
    valueSize: 8 * HOSTILE.length,
    maxEntries: 1,
    flags: 0,
    pinning: 0,
    mapExtra: 0n,
    btf: built,
    btfKeyType: enums[i]!,
    btfValueType: i % 2 === 0 ? structs[i]! : typedefs[i - 1]!,
  })
  const record = <T>(entries: [string, T][]): Record<string, T> => {
    const made: Record<string, T> = Object.create(null)
    for (const [name, value] of entries) made[name] = value
    return made
  }
  const spec: ObjectSpec = {
    ...parseExample('xdp-firewall/firewall.el.o'),
    btf: built,
    programs: record(
      HOSTILE.map((name) => {
        const program = parseExample('xdp-firewall/firewall.el.o').programs['firewall']!
        return [name, { ...program, name, section: name, type: name === 'class' ? 'xdp' : name }]
      }),
    ),
    maps: record([
      ...HOSTILE.map((name, i): [string, MapSpec] => [name, map(name, i)]),
      ...HOSTILE.map((name, i): [string, MapSpec] => [
        `.data.${name}`,
        {
          ...map(`.data.${name}`, i),
          kind: 'data',
          section: `.data.${name}`,
          type: 2,
          variables: variables.map(({ name, id, offset, size }) => ({
            ...{ name, offset, size, btfType: id, linkage: 'global' as const },
          })),
        },
      ]),
    ]),
  }

  it('become valid TypeScript that does nothing but describe', () => {
    for (const name of ['firewall', '*/ x', "'", '', 'class', '9']) {
      const { text: module, open } = generateSkeleton(spec, { name, origin: `a\n${HOSTILE.join(' ')}` })
      const file = ts.createSourceFile('x.ts', module, ts.ScriptTarget.ES2022)
      // What TypeScript calls a variable statement here.
      const kinds = new Set(file.statements.map((statement) => ts.SyntaxKind[statement.kind]))
      expect([...kinds].sort()).toEqual([
        'FirstStatement',
        'FunctionDeclaration',
        'ImportDeclaration',
        'InterfaceDeclaration',
        'TypeAliasDeclaration',
      ])
      expect(open).toMatch(/^open\w+$/)
      expect(module).not.toMatch(/[\u202e\u2028\0]/)
    }
    const { text: module } = generateSkeleton(spec, { name: 'hostile', origin: 'a test' })
    expect(checkTypeScript(new Map([['hostile.ts', module]]))).toEqual([])
    const types = generateTypes(built, { origin: 'a test' })
    expect(checkTypeScript(new Map([['types.ts', types.text]]))).toEqual([])
  })

  it('are the names of what the description describes', () => {
    const description = describeOf(spec)
    expect(Object.keys(description.programs).sort()).toEqual([...HOSTILE].sort())
    expect(Object.keys(description.maps)).toHaveLength(2 * HOSTILE.length)
    for (const section of Object.values<{ variables: object }>(description.globals)) {
      expect(Object.keys(section.variables).sort()).toEqual([...HOSTILE].sort())
    }
    expect(Object.keys(description.globals)).toHaveLength(HOSTILE.length)
    expect((globalThis as { pwned?: unknown }).pwned).toBeUndefined()
  })
})
