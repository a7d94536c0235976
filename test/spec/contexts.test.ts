/**
 * Contexts: their layouts are C structures, and what the rules of each program type let a program load and store is what
 * the documentation says, and what a running kernel was found to accept (where the corpus is there).
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type AccessFacts, accessCases } from '../../scripts/score/facts-accesses.ts'
import {
  BPF_FLOW_KEYS,
  BPF_TCP_SOCK,
  BPF_XDP_SOCK,
  type ContextLayout,
  extendPlatform,
  LINUX_ATTACH_TYPES,
  LINUX_PROGRAM_TYPES,
  linux,
  linuxAttachType,
  maySocketLoad,
  type ProgramTypeRules,
  raw,
  rawProgramType,
  rulesFromLayout,
  rulesOf,
  SECTION_TABLE,
  socketLayout,
} from '../../src/spec/index.ts'
import { parseAccessTable } from '../../src/spec/rules/context-access.ts'
import { CONTEXT_TABLES, CONTEXT_USES, viewOf } from '../../src/spec/rules/contexts.ts'

const CORPUS = process.env['ANYBPF_CORPUS'] ?? join(import.meta.dirname, '../../../shared/corpus')
const FACTS = join(CORPUS, 'kernel-facts.json')

const rulesByName = (name: string): ProgramTypeRules => linux().programTypes.get(name)!.rules!
const load = (type: string, offset: number, size: number, attachType?: string): string | undefined =>
  rulesByName(type).contextAccess(offset, size, false, attachType)?.value
const mayStore = (type: string, offset: number, size: number, attachType?: string): boolean =>
  rulesByName(type).contextAccess(offset, size, true, attachType) !== undefined

describe('layouts', () => {
  const layouts: ContextLayout[] = [
    ...new Set([
      ...Object.values(CONTEXT_TABLES).map((table) => table.layout),
      BPF_FLOW_KEYS,
      BPF_TCP_SOCK,
      BPF_XDP_SOCK,
    ]),
  ]

  it.each(layouts.map((layout) => [layout.name, layout] as const))(
    '%s: fields are in order, aligned, disjoint',
    (_, layout) => {
      let end = 0
      for (const { name, offset, size, count = 1 } of layout.fields) {
        expect(offset % size, name).toBe(0)
        expect(offset, name).toBeGreaterThanOrEqual(end)
        end = offset + size * count
      }
      expect(layout.size).toBeGreaterThanOrEqual(end)
      expect(layout.size - end).toBeLessThan(8)
      expect(new Set(layout.fields.map(({ name }) => name)).size).toBe(layout.fields.length)
    },
  )

  it('mark as writable what some program may write', () => {
    for (const { layout, views } of Object.values(CONTEXT_TABLES)) {
      for (const field of layout.fields) {
        const written = [...views.values()].some((view) => view.access(field.offset, field.size, true) !== undefined)
        expect(written, `${layout.name}.${field.name}`).toBe(field.writable === true)
      }
    }
  })
})

describe('access tables', () => {
  it('have the view that each way of attaching names', () => {
    for (const [type, use] of CONTEXT_USES) {
      for (const attachType of [undefined, ...(use.byAttachType?.keys() ?? [])]) {
        expect(viewOf(use, attachType)?.layout, `${type} ${attachType}`).toBe(use.table.layout)
        if (attachType !== undefined) expect(LINUX_ATTACH_TYPES).toContain(attachType)
      }
    }
  })

  it('let nobody out of the context, nor across an alignment', () => {
    for (const [, use] of CONTEXT_USES) {
      const view = viewOf(use, undefined)
      const { size: end } = use.table.layout
      for (let offset = -16; offset < Math.min(end, 256) + 16; offset++) {
        for (const size of [1, 2, 4, 8]) {
          for (const write of [false, true]) {
            if (view.access(offset, size, write) === undefined) continue
            expect(offset % size).toBe(0)
            expect(offset).toBeGreaterThanOrEqual(0)
            expect(offset + size).toBeLessThanOrEqual(end)
          }
        }
      }
    }
  })

  const layout: ContextLayout = {
    name: 'example',
    size: 32,
    fields: [
      { name: 'a', offset: 0, size: 8 },
      { name: 'b', offset: 8, size: 4, count: 4 },
      { name: 'c', offset: 24, size: 2 },
      { name: 'd', offset: 28, size: 4 },
    ],
  }
  /** Loads that a portion allows of a field, `offset:size`. */
  const loads = (field: string, portion: string): string => {
    const view = parseAccessTable(layout, `field load store gives any\n${field} ${portion} - - r`).get('any')!
    const accepted: string[] = []
    for (let offset = 0; offset < layout.size; offset++) {
      for (const size of [1, 2, 4, 8]) if (view.access(offset, size, false)) accepted.push(`${offset}:${size}`)
    }
    return accepted.join(' ')
  }

  it.each([
    ['a', 'whole', '0:8'],
    ['b', 'whole', '8:4 12:4 16:4 20:4'],
    ['d', 'parts', '28:1 28:2 28:4 29:1 30:1 30:2 31:1'],
    ['d', 'halves', '28:2 28:4 30:2'],
    ['b', 'head', '8:1 8:2 8:4 12:1 12:2 12:4 16:1 16:2 16:4 20:1 20:2 20:4'],
    ['d', 'tail', '28:4 29:1 30:1 30:2 31:1'],
    ['b', 'words', '8:4 8:8 12:4 16:4 16:8 20:4'],
    ['c', 'parts', '24:1 24:2 25:1'],
    ['c', 'padded', '24:1 24:2 24:4 25:1'],
    ['c', 'slot', '24:1 24:2 24:4 25:1 26:1 26:2 27:1'],
  ])('%s, %s: %s', (field, portion, expected) => {
    expect(loads(field, portion)).toBe(expected)
  })

  it('span elements of an array', () => {
    expect(loads('b', 'span')).toContain('8:8')
    expect(loads('b', 'span')).not.toContain('12:8')
    expect(loads('b', 'span')).not.toContain('20:8')
  })

  it('are refused where they do not fit the layout', () => {
    const title = 'field load store gives any\n'
    expect(() => parseAccessTable(layout, `${title}e whole - - r`)).toThrow(/no field e/)
    expect(() => parseAccessTable(layout, `${title}a sometimes - - r`)).toThrow(/sometimes/)
    expect(() => parseAccessTable(layout, `${title}a whole - - yes`)).toThrow(/yes/)
  })
})

describe('the rules of Linux', () => {
  it('give packets, sockets and kernel objects by what is loaded', () => {
    expect(load('xdp', 0, 4)).toBe('packet')
    expect(load('xdp', 4, 4)).toBe('packet_end')
    expect(load('xdp', 8, 4)).toBe('packet_meta')
    expect(load('xdp', 0, 8)).toBeUndefined()
    expect(load('xdp', 12, 4)).toBe('scalar')
    expect(load('sched_cls', 168, 8)).toBe('sock_common_or_null')
    expect(load('flow_dissector', 144, 8)).toBe('flow_keys')
    expect(load('sk_reuseport', 40, 8)).toBe('socket')
    expect(load('raw_tracepoint_writable', 0, 8)).toBe('tp_buffer')
    expect(load('raw_tracepoint_writable', 8, 8)).toBe('scalar')
    expect(rulesByName('netfilter').contextAccess(8, 8, false, 'netfilter')).toEqual({
      value: 'btf',
      btfType: 'sk_buff',
      trusted: true,
    })
  })

  it('depend on how a program attaches', () => {
    expect(load('xdp', 20, 4, 'xdp')).toBeUndefined()
    expect(load('xdp', 20, 4, 'xdp_devmap')).toBe('scalar')
    expect(load('cgroup_sock_addr', 4, 4, 'cgroup_inet6_bind')).toBeUndefined()
    expect(mayStore('cgroup_sock_addr', 8, 8, 'cgroup_inet6_bind')).toBe(true)
    expect(mayStore('cgroup_sock_addr', 8, 2, 'cgroup_inet6_bind')).toBe(false)
    expect(load('cgroup_sockopt', 36, 4, 'cgroup_setsockopt')).toBeUndefined()
    expect(mayStore('cgroup_sockopt', 36, 4, 'cgroup_getsockopt')).toBe(true)
  })

  it('say who may write to a packet', () => {
    const writers = LINUX_PROGRAM_TYPES.filter((type) => type.rules!.packetWrite?.(undefined)).map(({ name }) => name)
    expect(writers).toEqual(['sched_cls', 'sched_act', 'xdp', 'lwt_xmit', 'sk_skb', 'sk_msg', 'cgroup_sockopt'])
    expect(linux().author).toBe('trusted')
    expect(raw.author).toBeUndefined()
  })

  it('name program types and attach types that exist', () => {
    const names = LINUX_PROGRAM_TYPES.map(({ name }) => name)
    for (const name of CONTEXT_USES.keys()) expect(names).toContain(name)
    for (const { type, attachType } of SECTION_TABLE) {
      expect(names).toContain(type)
      if (attachType !== undefined) expect(LINUX_ATTACH_TYPES).toContain(attachType)
    }
  })

  it('know attach types by number', () => {
    expect(linuxAttachType('xdp', 37)).toBe('xdp')
    expect(linuxAttachType('xdp', 0)).toBeUndefined()
    expect(linuxAttachType('cgroup_skb', 0)).toBe('cgroup_inet_ingress')
    expect(linuxAttachType('cgroup_sock', 0)).toBe('cgroup_inet_sock_create')
    expect(linuxAttachType('netfilter', 45)).toBe('netfilter')
    expect(linuxAttachType('sched_cls', 55)).toBe('netkit_peer')
    expect(linuxAttachType('xdp', 1000)).toBeUndefined()
  })

  it.skipIf(!existsSync(FACTS))('are those of a running kernel (skipped without the corpus)', () => {
    interface Row extends AccessFacts {
      readonly type: number
      readonly attach: number
    }
    const facts = JSON.parse(readFileSync(FACTS, 'utf8')) as { readonly types: Readonly<Record<string, Row>> }
    let agreed = 0
    for (const [name, row] of Object.entries(facts.types)) {
      const type = LINUX_PROGRAM_TYPES.find(({ id }) => id === row.type)!
      const attachType = linuxAttachType(type.name, row.attach)
      const accepts = (offset: number, size: number, write: boolean): boolean =>
        type.rules!.contextAccess(offset, size, write, attachType) !== undefined
      for (const access of accessCases(accepts, row)) {
        if (access.actual !== access.expected)
          expect.fail(`${name}: ${access.name}: the kernel says ${access.expected}`)
        agreed++
      }
    }
    expect(agreed).toBeGreaterThan(10_000)
  })
})

describe('sockets', () => {
  it('show what their kind has', () => {
    expect(maySocketLoad('socket', 16, 4)).toBe(true)
    expect(maySocketLoad('sock_common', 16, 4)).toBe(false)
    expect(maySocketLoad('sock_common', 4, 4)).toBe(true)
    expect(maySocketLoad('socket', 48, 2)).toBe(true)
    expect(maySocketLoad('socket', 48, 4)).toBe(true)
    expect(maySocketLoad('socket', 50, 2)).toBe(false)
    expect(maySocketLoad('tcp_sock', 80, 8)).toBe(true)
    expect(maySocketLoad('tcp_sock', 80, 4)).toBe(false)
    expect(maySocketLoad('xdp_sock', 0, 4)).toBe(true)
    expect(maySocketLoad('xdp_sock', 4, 4)).toBe(false)
    expect(maySocketLoad('socket', -4, 4)).toBe(false)
    expect(socketLayout('tcp_sock')).toBe(BPF_TCP_SOCK)
  })
})

describe('rules of one’s own', () => {
  const layout: ContextLayout = {
    name: 'event',
    size: 24,
    fields: [
      { name: 'kind', offset: 0, size: 4 },
      { name: 'score', offset: 4, size: 4, writable: true },
      { name: 'data', offset: 8, size: 8, pointer: 'packet', writable: true },
      { name: 'data_end', offset: 16, size: 8, pointer: 'packet_end' },
    ],
  }

  it('follow from a layout', () => {
    const rules = rulesFromLayout(layout)
    expect(rules.contextSize).toBe(24)
    expect(rules.contextAccess(2, 2, false, undefined)).toEqual({ value: 'scalar' })
    expect(rules.contextAccess(0, 4, true, undefined)).toBeUndefined()
    expect(rules.contextAccess(4, 4, true, undefined)).toEqual({ value: 'scalar' })
    expect(rules.contextAccess(4, 2, true, undefined)).toBeUndefined()
    expect(rules.contextAccess(8, 8, false, undefined)).toEqual({ value: 'packet' })
    expect(rules.contextAccess(8, 4, false, undefined)).toBeUndefined()
    expect(rules.packetWrite?.(undefined)).toBe(true)
  })

  it('never take a number that was stored for a pointer', () => {
    expect(rulesFromLayout(layout).contextAccess(8, 8, true, undefined)).toBeUndefined()
  })

  it('stand for a type that has none', () => {
    expect(rulesOf({ id: 1, name: 'event', context: layout }).contextSize).toBe(24)
    expect(rulesOf({ id: 1, name: 'event', context: undefined }).contextSize).toBe(0)
    const own = rulesFromLayout(layout)
    expect(rulesOf({ id: 1, name: 'event', context: undefined, rules: own })).toBe(own)
  })

  it('are all of the memory, for bare runtimes', () => {
    const { rules } = rawProgramType(10)
    expect(rules?.plainMemory).toBe(true)
    expect(rules?.contextAccess(3, 4, true, undefined)).toEqual({ value: 'scalar' })
    expect(rules?.contextAccess(8, 4, false, undefined)).toBeUndefined()
    expect(rules?.contextAccess(-1, 1, false, undefined)).toBeUndefined()
    expect(raw.programTypes.get('raw')?.rules?.contextAccess(0, 1, false, undefined)).toBeUndefined()
  })

  it('leave the author of the platform that is extended, unless told otherwise', () => {
    expect(extendPlatform(linux(), {}).author).toBe('trusted')
    expect(extendPlatform(linux(), { author: 'untrusted' }).author).toBe('untrusted')
    expect(extendPlatform(raw, {}).author).toBeUndefined()
    const kfunc = { name: 'mine', prototype: 'void mine(void)', flags: [] }
    expect(extendPlatform(raw, { kfuncs: [kfunc] }).kfuncs?.get('mine')).toBe(kfunc)
  })
})
