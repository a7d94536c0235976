/** What loading and disposing leave behind (nothing), and what a caller may hand in. */
import { describe, expect, it } from 'vitest'
import { Btf, parseBtf } from '../../src/btf/index.ts'
import { Runtime } from '../../src/loader/index.ts'
import type { BpfMap } from '../../src/maps/index.ts'
import type { MapSpec, ObjectSpec } from '../../src/object/index.ts'
import { BtfBuilder } from '../support/btf-builder.ts'
import { EXAMPLE_NAMES, parseExample } from '../support/examples.ts'

/** All that a load takes of its runtime. */
function holdings(runtime: Runtime) {
  const { memory, maps, programs, codeEntries } = runtime.machine
  return {
    bytes: memory.usedBytes,
    maps: maps.size,
    programs: programs.filter((program) => program !== undefined).length,
    functions: codeEntries.size,
  }
}

function mapSpec(fields: Partial<MapSpec>): MapSpec {
  const sizes = { type: 2, keySize: 4, valueSize: 8, maxEntries: 4, flags: 0, pinning: 0, mapExtra: 0n }
  return { name: 'counters', kind: 'map', section: '.maps', ...sizes, ...fields }
}

function objectOf(...maps: MapSpec[]): ObjectSpec {
  const records = Object.fromEntries(maps.map((map) => [map.name, map]))
  return { byteOrder: 'little', license: '', programs: {}, functions: {}, maps: records, externs: {}, problems: [] }
}

/** Type 2 is a structure with a timer. */
const TIMER = new Btf(
  [
    { kind: 'void', id: 0, name: '' },
    { kind: 'struct', id: 1, name: 'bpf_timer', size: 16, kindFlag: false, members: [] },
    {
      ...{ kind: 'struct', id: 2, name: 'timed', size: 16, kindFlag: false },
      members: [{ name: 'timer', type: 1, bitOffset: 0, bitSize: 0 }],
    },
  ],
  { byteOrder: 'little' },
)

describe('a program that nobody verified', () => {
  // It reads where nothing is: the runtime's own data.
  const spec = (): ObjectSpec => {
    const made = objectOf()
    made.programs['p'] = {
      ...{ name: 'p', section: 'xdp', sectionSlot: 0, linkage: 'global', slotCount: 3 },
      insns: [
        { kind: 'alu', op: 'mov', width: 64, dst: 1, src: { imm: 0x10008 } },
        { kind: 'load', size: 4, signed: false, dst: 0, base: 1, off: 0 },
        { kind: 'exit' },
      ],
      ...{ references: [], lines: [], coreRelocations: [] },
      ...{ type: 'xdp', sleepable: false, frags: false, autoload: true },
    }
    return made
  }
  const packet = new Uint8Array(64)

  it('runs unchecked only where the caller names that engine', () => {
    const runtime = new Runtime()
    const program = (options: object) => runtime.load(spec(), { verify: false, ...options }).program('p')
    for (const options of [{}, { checked: undefined }, { checked: true }, { engine: 'interpreter' }]) {
      expect(() => program(options).run(packet)).toThrowError(expect.objectContaining({ code: 'ERR_FAULT' }))
    }
    expect(() => program({}).run(packet, { budget: 10 })).toThrowError(expect.objectContaining({ code: 'ERR_FAULT' }))
    expect(program({ checked: false }).run(packet).retval).toBeTypeOf('number')
    expect(program({}).run(packet, { checked: false }).retval).toBeTypeOf('number')
    expect(() => runtime.load(spec())).toThrowError(expect.objectContaining({ code: 'ERR_REJECTED' }))
  })
})

describe('a collection that is disposed of', () => {
  it.each(EXAMPLE_NAMES)('leaves nothing behind, a thousand times: %s', { timeout: 60_000 }, (name) => {
    const spec = parseExample(`${name}.el.o`)
    const runtime = new Runtime()
    runtime.load(spec, { verify: false }).dispose()
    const before = holdings(runtime)
    for (let i = 0; i < 1000; i++) runtime.load(spec, { verify: false }).dispose()
    expect(holdings(runtime)).toEqual(before)
  })

  it('twice takes nothing from one that was loaded in between, in the same place', () => {
    const spec = objectOf(mapSpec({}))
    const runtime = new Runtime()
    const first = runtime.load(spec)
    const { address } = first.maps['counters']!
    first.dispose()
    const second = runtime.load(spec)
    expect(second.maps['counters']!.address).toBe(address)
    first.dispose()
    expect(runtime.mapAt(address)).toBe(second.maps['counters'])
    expect(runtime.machine.maps.has(address)).toBe(true)
  })
})

describe('a runtime that is disposed of', () => {
  it('does not search maps of maps for each map that goes with them', () => {
    const runtime = new Runtime()
    const innerMap = mapSpec({ name: 'inner' })
    const inner = runtime.createMap(innerMap)
    const outer = runtime.createMap(mapSpec({ name: 'outer', type: 12, valueSize: 4, innerMap })).set(0, inner)
    let searches = 0
    Object.assign(outer.store, { removeMap: () => searches++ })
    runtime.dispose()
    expect(searches).toBe(0)
  })
})

describe('a load that fails', () => {
  it('leaves nothing behind, though maps were made before it did', () => {
    const noValues = mapSpec({ name: '.data', kind: 'data', type: 27, maxEntries: 4096, contents: new Uint8Array(8) })
    const runtime = new Runtime()
    const before = holdings(runtime)
    expect(() => runtime.load(objectOf(mapSpec({}), noValues))).toThrowError(
      expect.objectContaining({ name: 'AnybpfError' }),
    )
    expect(holdings(runtime)).toEqual(before)
  })
})

describe('a program of a section that tells no type', () => {
  it('is named when it cannot be loaded, with its section', () => {
    const spec = objectOf()
    spec.programs['helper'] = {
      ...{ name: 'helper', section: 'other', sectionSlot: 0, linkage: 'static', slotCount: 1, references: [] },
      ...{ insns: [{ kind: 'exit' }], lines: [], coreRelocations: [] },
      ...{ type: 'unspec', sleepable: false, frags: false, autoload: true },
    }
    expect(() => new Runtime().load(spec)).toThrowError(
      /^helper: programs of type unspec cannot be run \(can: .*\); its section, "other", does not tell the type$/,
    )
  })
})

describe('maps that are handed in', () => {
  const declared = objectOf(mapSpec({}))

  it('are shared by collections, and outlive them', () => {
    const runtime = new Runtime()
    const counters = runtime.createMap(mapSpec({ name: 'mine' }))
    const collections = [runtime.load(declared, { maps: { counters } }), runtime.load(declared, { maps: { counters } })]
    expect(collections.map((one) => one.maps['counters'])).toEqual([counters, counters])
    for (const one of collections) one.dispose()
    expect(counters.set(1, 7n).get(1)).toBe(7n)
  })

  it.each<[string, Partial<MapSpec>, string]>([
    ['type', { type: 1 }, 'has type 1, and the object declares 2'],
    ['key size', { type: 1, keySize: 8 }, 'has type 1, and the object declares 2'],
    ['value size', { valueSize: 16 }, 'has value size 16, and the object declares 8'],
    ['entries', { maxEntries: 3 }, 'has max entries 3, and the object declares 4'],
  ])('must be what is declared: %s', (_, fields, message) => {
    const runtime = new Runtime()
    const counters = runtime.createMap(mapSpec(fields))
    expect(() => runtime.load(declared, { maps: { counters } })).toThrowError(
      expect.objectContaining({ code: 'ERR_MAP', message: `map counters: the one that is given ${message}` }),
    )
  })

  it('must have the inner maps, special fields and map_extra that are declared', () => {
    const runtime = new Runtime()
    const load = (declares: MapSpec, given: MapSpec) => () =>
      runtime.load(objectOf(declares), { maps: { [declares.name]: runtime.createMap(given) } }).dispose()
    const outer = (fields: Partial<MapSpec>) => mapSpec({ type: 12, valueSize: 4, innerMap: mapSpec(fields) })
    load(outer({}), outer({}))()
    expect(load(outer({}), outer({ maxEntries: 5 }))).toThrow(/has other inner maps than the object declares/)
    expect(load(outer({}), outer({ valueSize: 16 }))).toThrow(/has other inner maps/)
    const timed = mapSpec({ valueSize: 16, btf: TIMER, btfValueType: 2 })
    load(timed, timed)()
    expect(load(timed, mapSpec({ valueSize: 16 }))).toThrow(/has other locks, timers or kernel pointers in its values/)
    expect(load(mapSpec({ mapExtra: 1n }), mapSpec({}))).toThrow(/has map_extra 0, and the object declares 1/)
  })

  it('are inner maps only where their special fields are those that are declared', () => {
    const runtime = new Runtime()
    const innerMap = mapSpec({ valueSize: 16, btf: TIMER, btfValueType: 2 })
    const outer = runtime.createMap(mapSpec({ name: 'outer', type: 12, valueSize: 4, innerMap }))
    outer.set(0, runtime.createMap(innerMap))
    const plain = runtime.createMap(mapSpec({ valueSize: 16 }))
    expect(() => outer.set(0, plain)).toThrow(/EINVAL .its values have other locks, timers or kernel pointers/)
    expect(() => outer.set(0, plain.address)).toThrow(/EINVAL/)
  })

  it('do not get inner maps that would die before them', () => {
    const outer = mapSpec({ name: 'outer', type: 12, valueSize: 4, innerMap: mapSpec({}) })
    outer.initialSlots = [{ index: 1, target: { kind: 'map', map: 'counters' } }]
    const runtime = new Runtime()
    const own = runtime.load(objectOf(mapSpec({}), outer))
    expect(own.maps['outer']!.get(1)).toBe(own.maps['counters'])
    const shared = runtime.createMap(outer)
    runtime.load(objectOf(mapSpec({}), outer), { maps: { outer: shared } }).dispose()
    expect(shared.get(1)).toBeUndefined()
  })

  it('leave the maps that hold them when they are disposed of, so that no later map is taken for them', () => {
    const runtime = new Runtime()
    for (const type of [12, 13]) {
      const outer = runtime.createMap(mapSpec({ name: 'outer', type, valueSize: 4, innerMap: mapSpec({}) }))
      const [gone, stays] = [runtime.createMap(mapSpec({})), runtime.createMap(mapSpec({}))]
      outer.set(0, gone).set(1, stays)
      gone.dispose()
      expect(runtime.mapAt(gone.address)).toBeUndefined()
      const next = runtime.createMap(mapSpec({ name: 'next', valueSize: 64 }))
      expect([type, outer.get(0), outer.get(1)]).toEqual([type, undefined, stays])
      next.dispose()
    }
  })

  it('must be alive, and of this runtime', () => {
    const runtime = new Runtime()
    const dead = runtime.createMap(mapSpec({}))
    dead.dispose()
    for (const counters of [new Runtime().createMap(mapSpec({})), dead, {} as BpfMap]) {
      expect(() => runtime.load(declared, { maps: { counters } })).toThrowError(
        'map counters: what is given for it is no live map of this runtime',
      )
    }
  })

  it('must be declared; a name that every object has is not one that was given', () => {
    const runtime = new Runtime()
    const other = runtime.createMap(mapSpec({}))
    expect(() => runtime.load(declared, { maps: { other } })).toThrowError(
      expect.objectContaining({ code: 'ERR_NOT_FOUND', message: 'no map other; the object has counters' }),
    )
    const odd = runtime.load(objectOf(mapSpec({ name: 'constructor' })), { maps: {} })
    expect(odd.maps['constructor']!.set(0, 5n).get(0)).toBe(5n)
  })
})

describe('globals and symbols', () => {
  it('whose size is not that of their type are refused', () => {
    const btf = parseBtf(new BtfBuilder().type('int', 1, 4, { vlen: 0, words: [0x01000020] }).build())
    const variables = [{ name: 'limit', offset: 7, size: 1, btfType: 1, linkage: 'global' } as const]
    const spec = objectOf(mapSpec({ name: '.data', section: '.data', kind: 'data', btf, variables }))
    expect(() => new Runtime().load(spec, { globals: { limit: 1 } })).toThrowError(
      expect.objectContaining({ code: 'ERR_OBJECT', message: 'limit has 1 bytes in .data, and its type 4' }),
    )
  })

  it.each([-1, 0.5, Number.NaN, 2 ** 40])('data of %d bytes are refused', (valueSize) => {
    const spec = objectOf(mapSpec({ name: '.data', kind: 'data', valueSize }))
    expect(() => new Runtime().load(spec)).toThrowError(expect.objectContaining({ code: 'ERR_MAP' }))
  })

  it.each([-1, 0.5, Number.NaN, 2 ** 53])('an address of %d is refused', (address) => {
    const code = [
      { kind: 'lddw', source: 'imm64', dst: 0, imm: 0, imm2: 0 },
      { kind: 'wide_tail' },
      { kind: 'exit' },
    ] as const
    const spec = objectOf()
    spec.externs['jiffies'] = { name: 'jiffies', weak: false }
    spec.programs['p'] = {
      ...{ name: 'p', section: 'xdp', sectionSlot: 0, linkage: 'global', slotCount: 3, insns: [...code] },
      ...{ references: [{ kind: 'ksym', slot: 0, extern: 'jiffies' }], lines: [], coreRelocations: [] },
      ...{ type: 'xdp', sleepable: false, frags: false, autoload: true },
    }
    expect(() => new Runtime().load(spec, { ksyms: { jiffies: address } })).toThrowError(
      expect.objectContaining({ code: 'ERR_USAGE' }),
    )
  })
})
