/**
 * Maps of extensions whose stores say no `kind`: compiled programs call their methods, whatever lies at their addresses.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { assembleFor } from '../../../src/cli/assembler.ts'
import { type Engine, Runtime } from '../../../src/loader/index.ts'
import type { MapTypeDefinition } from '../../../src/maps/index.ts'
import type { MapSpec } from '../../../src/object/index.ts'
import { linux } from '../../../src/spec/index.ts'
import { KIND_ARRAY, KIND_HASH, KIND_PROG_ARRAY } from '../../../src/vm/guest-layout.ts'

const ENGINES: readonly Engine[] = ['interpreter', 'jit']
const OWN = 9001

/** A map type whose stores begin with a word that looks like a kind, and are no such thing. */
function ownType(first: number): MapTypeDefinition {
  return {
    spec: { id: OWN, name: 'own', summary: 'for tests' },
    create({ memory }, { name }) {
      const address = memory.allocate(128)
      const value = memory.allocate(64)
      memory.view.setUint32(address, first, true)
      memory.view.setUint32(value, 77, true)
      const store = {
        address,
        name,
        typeId: OWN,
        keySize: 4,
        valueSize: 4,
        maxEntries: 4,
        lookup: () => value,
        update: () => 7,
        delete: () => 9,
        nextKey: () => -2,
        programAt: () => -1,
        removeProgram: () => {},
        dispose: () => {},
      }
      return store
    },
  } as MapTypeDefinition
}

function mapSpec(name: string, more: Partial<MapSpec>): MapSpec {
  const common = {
    kind: 'map',
    section: '.maps',
    keySize: 4,
    valueSize: 4,
    maxEntries: 4,
    flags: 0,
    pinning: 0,
  } as const
  return { name, type: OWN, mapExtra: 0n, ...common, ...more }
}

const runtimes: Runtime[] = []
afterEach(() => {
  for (const runtime of runtimes.splice(0)) runtime.dispose()
})

function newRuntime(first: number): Runtime {
  const runtime = new Runtime({ platform: linux('6.18'), extensions: [{ mapTypes: [ownType(first)] }] })
  runtimes.push(runtime)
  return runtime
}

function run(runtime: Runtime, engine: Engine, text: string, byte: number): number {
  // As if verified: the verifier knows nothing of such maps.
  const linked = { name: 'test', type: 'xdp', insns: assembleFor(runtime.platform, text), verified: true }
  const how = { engine, checked: false, budget: undefined, report: undefined }
  const program = runtime.createProgram<Uint8Array, unknown>(linked, runtime.programType('xdp'), how)
  const { retval } = program.run(Uint8Array.of(byte))
  program.dispose()
  return retval | 0
}

describe.each(ENGINES)('a map without a kind: %s', (engine) => {
  const arguments_ = 'r2 = r10\nr2 += -4\nr3 = r10\nr3 += -4\nr4 = 0\n'

  it.each([
    ['map_lookup_elem', 'r0 = *(u32 *)(r0 + 0)\n', 77],
    ['map_update_elem', '', 7],
    ['map_delete_elem', '', 9],
  ])('is asked itself for %s', (helper, after, expected) => {
    for (const kind of [KIND_HASH, KIND_ARRAY]) {
      const runtime = newRuntime(kind)
      const own = runtime.createMap(mapSpec('own', {}))
      const other = runtime.createMap(mapSpec('other', { type: 1 }))
      const direct = `*(u32 *)(r10 - 4) = 1\nr1 = ${own.address} ll\n${arguments_}call ${helper}\n${after}exit`
      expect(run(runtime, engine, direct, 0)).toBe(expected)
      // Which map it is depends on the packet.
      const chosen = `r6 = *(u32 *)(r1 + 0)
        r6 = *(u8 *)(r6 + 0)
        *(u32 *)(r10 - 4) = 1
        r1 = ${other.address} ll
        if r6 == 0 goto +2
        r1 = ${own.address} ll
        ${arguments_}call ${helper}
        if r0 == 0 goto +${after === '' ? 0 : 1}
        ${after}exit`
      expect(run(runtime, engine, chosen, 1)).toBe(expected)
    }
  })

  it('is asked itself which program it holds', () => {
    const runtime = newRuntime(KIND_PROG_ARRAY)
    const own = runtime.createMap(mapSpec('own', {}))
    // Read as the control block of a program array: four entries, of which the first is in a slot of no program.
    const { u32 } = runtime.machine.memory
    const block = own.address >>> 2
    u32[block + 4] = 4
    u32[block + 9] = 0x7fff0000
    u32[block + 10] = 4
    expect(run(runtime, engine, `r2 = ${own.address} ll\nr3 = 0\ncall tail_call\nr0 = 5\nexit`, 0)).toBe(5)
  })

  it('is no element of a map of maps, unless its block says that it has no kind', () => {
    for (const [first, taken] of [
      [KIND_HASH, false],
      [0, true],
    ] as const) {
      const runtime = newRuntime(first)
      const own = runtime.createMap(mapSpec('own', {}))
      const outer = runtime.createMap(mapSpec('outer', { type: 12, innerMap: mapSpec('inner', {}) }))
      const put = () => outer.set(0, own.address)
      if (!taken) expect(put).toThrow(expect.objectContaining({ code: expect.stringMatching(/^ERR_/) }))
      else {
        put()
        const text = `*(u32 *)(r10 - 4) = 0
          r1 = ${outer.address} ll
          r2 = r10
          r2 += -4
          call map_lookup_elem
          if r0 == 0 goto +4
          r1 = r0
          r2 = r10
          r2 += -4
          call map_delete_elem
          exit`
        expect(run(runtime, engine, text, 0)).toBe(9)
      }
    }
  })
})
