/**
 * A helper, a map type and a program type of one's own, from outside `src/`, with public exports only: they take the
 * route of the built-in ones.
 */
import { assemble } from 'anybpf/isa'
import { Runtime } from 'anybpf/loader'
import type { HostMapStore, MapTypeDefinition } from 'anybpf/maps'
import type { ContextInstance, ProgramTypeDefinition } from 'anybpf/programs'
import { linux } from 'anybpf/spec'
import type { HelperDefinition, Machine } from 'anybpf/vm'
import { describe, expect, it } from 'vitest'
import { ENGINES } from './vm/support.ts'

const MAXIMUM_MAP = 9001
const SHOUT_HELPER = 9002

/** A map type: an array that keeps the largest value it was given. */
const maximumArray: MapTypeDefinition = {
  spec: { id: MAXIMUM_MAP, name: 'maximum_array', summary: 'An array of u32 that only ever grows.' },
  create(machine, parameters): HostMapStore {
    const { memory } = machine
    const address = memory.allocate(8)
    const values = memory.allocate(parameters.maxEntries * 4)
    machine.regions.add({
      start: values,
      end: values + parameters.maxEntries * 4,
      writable: false,
      name: `map ${parameters.name}`,
    })
    const slot = (key: number): number => {
      const index = memory.view.getUint32(key, true)
      return index < parameters.maxEntries ? values + 4 * index : 0
    }
    return {
      address,
      name: parameters.name,
      typeId: MAXIMUM_MAP,
      keySize: parameters.keySize,
      valueSize: parameters.valueSize,
      maxEntries: parameters.maxEntries,
      lookup: slot,
      update(key, value) {
        const at = slot(key)
        if (at === 0) return -7
        const offered = memory.view.getUint32(value, true)
        if (offered > memory.view.getUint32(at, true)) memory.view.setUint32(at, offered, true)
        return 0
      },
      delete: () => -22,
      nextKey(key, out) {
        const next = key === 0 ? 0 : memory.view.getUint32(key, true) + 1
        if (next >= parameters.maxEntries) return -2
        memory.view.setUint32(out, next, true)
        return 0
      },
      dispose() {
        machine.regions.remove(values)
        memory.free(values)
        memory.free(address)
      },
    }
  },
}

/** A helper: adds 1000 to its argument and says so. */
const shout: HelperDefinition = {
  spec: { id: SHOUT_HELPER, name: 'shout', args: [32], returns: 'i32', summary: 'Adds 1000 and prints.' },
  call(cpu, value) {
    cpu.print(`shout ${value}`)
    return value + 1000
  },
}

interface Order {
  readonly price: number
  readonly quantity: number
}

/** A program type: judges an order; its context is two u32. */
const orderCheck: ProgramTypeDefinition<Order, { allowed: boolean; price: number }> = {
  spec: {
    id: 9003,
    name: 'order_check',
    context: {
      name: 'order',
      size: 8,
      fields: [
        { name: 'price', offset: 0, size: 4, writable: true },
        { name: 'quantity', offset: 4, size: 4 },
      ],
    },
    verdicts: { 0: 'REFUSE', 1: 'ALLOW' },
  },
  createContext(machine: Machine): ContextInstance<Order, { allowed: boolean; price: number }> {
    const { memory } = machine
    const order = memory.allocate(8)
    machine.regions.add({ start: order, end: order + 8, writable: true, name: 'order' })
    return {
      context: undefined,
      prepare({ price, quantity }) {
        memory.view.setUint32(order, price, true)
        memory.view.setUint32(order + 4, quantity, true)
        return { r1: order, r2: 0 }
      },
      collect: (r0) => ({ allowed: r0 === 1, price: memory.view.getUint32(order, true) }),
      dispose() {
        machine.regions.remove(order)
        memory.free(order)
      },
    }
  },
}

const extension = { helpers: [shout], mapTypes: [maximumArray], programTypes: [orderCheck] }

describe('extensions from outside', () => {
  it.each(ENGINES)(
    'a program of an own type runs an own helper and an own map through the built-in helpers: %s',
    (engine) => {
      const printed: string[] = []
      const runtime = new Runtime({ extensions: [extension], print: (line) => printed.push(line) })
      const map = runtime.createMap({
        name: 'highest',
        kind: 'map',
        section: '.maps',
        type: MAXIMUM_MAP,
        keySize: 4,
        valueSize: 4,
        maxEntries: 2,
        flags: 0,
        pinning: 0,
        mapExtra: 0n,
      })
      // Keeps the highest price per quantity, raises the price through the helper, allows prices above 100.
      const program = runtime.loadProgram<Order, { allowed: boolean; price: number }>(
        assemble(`
        r6 = r1
        r1 = *(u32 *)(r6 + 4)
        *(u32 *)(r10 - 4) = r1
        r2 = *(u32 *)(r6 + 0)
        *(u32 *)(r10 - 8) = r2
        r1 = ${map.address} ll
        r2 = r10
        r2 += -4
        r3 = r10
        r3 += -8
        r4 = 0
        call 2
        r1 = *(u32 *)(r6 + 0)
        call ${SHOUT_HELPER}
        *(u32 *)(r6 + 0) = r0
        r1 = r0
        r0 = 1
        if r1 > 1100 goto out
        r0 = 0
      out:
        exit
      `),
        { type: 'order_check', name: 'judge', engine },
      )
      expect(program.run({ price: 150, quantity: 1 })).toEqual({ retval: 1, allowed: true, price: 1150 })
      expect(program.run({ price: 50, quantity: 1 })).toEqual({ retval: 0, allowed: false, price: 1050 })
      expect(map.get(1)).toBe(150)
      expect(map.get(0)).toBe(0)
      expect(printed).toEqual(['shout 150', 'shout 50'])
      runtime.dispose()
    },
  )

  it('the checked interpreter holds an own map to the region that it registered: its values are read-only', () => {
    const runtime = new Runtime({ extensions: [extension] })
    const map = runtime.createMap({
      name: 'highest',
      kind: 'map',
      section: '.maps',
      type: MAXIMUM_MAP,
      keySize: 4,
      valueSize: 4,
      maxEntries: 2,
      flags: 0,
      pinning: 0,
      mapExtra: 0n,
    })
    const program = runtime.loadProgram<Order>(
      assemble(`
        *(u32 *)(r10 - 4) = 0
        r1 = ${map.address} ll
        r2 = r10
        r2 += -4
        call 1
        if r0 == 0 goto out
        *(u32 *)(r0 + 0) = 7
      out:
        r0 = 0
        exit
      `),
      { type: 'order_check' },
    )
    expect(() => program.run({ price: 1, quantity: 1 })).toThrow(/map highest/)
    runtime.dispose()
  })

  it('what is not registered is not there: helper, map type and program type are refused by name or number', () => {
    const runtime = new Runtime({ platform: linux('6.12') })
    expect(() => runtime.programType('order_check')).toThrow(/order_check/)
    const program = runtime.loadProgram(assemble(`call ${SHOUT_HELPER}\nexit`), { type: 'raw' })
    expect(() => program.run(new Uint8Array(8))).toThrow(/9002/)
    runtime.dispose()
  })
})
