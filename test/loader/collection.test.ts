/** What a caller sees of a loaded object when it asks for the wrong thing. */
import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { assemble } from '../../src/isa/index.ts'
import { Runtime } from '../../src/loader/index.ts'
import { parseObject } from '../../src/object/index.ts'

const firewall = readFileSync('examples/xdp-firewall/firewall.el.o')
const filter = readFileSync('examples/socket-tail-calls/filter.el.o')
let runtime: Runtime | undefined
const load = (object: Uint8Array) => (runtime = new Runtime()).load(parseObject(object))
afterEach(() => runtime?.dispose())

describe('a collection', () => {
  it('gives programs and maps by name, and says which there are where one is missing', () => {
    const collection = load(firewall)
    expect(collection.program('firewall')).toBe(collection.programs['firewall'])
    expect(collection.map('blocked')).toBe(collection.maps['blocked'])
    expect(() => collection.program('nope')).toThrow('no program nope; there is firewall')
    expect(() => collection.map('__proto__')).toThrow(/^no map __proto__; there is blocked, counters/)
  })

  it('is not made of bytes: the error says what to call first', () => {
    runtime = new Runtime()
    expect(() => runtime!.load(firewall as never)).toThrow(/parseObject/)
  })

  it('runs helpers only on pointers whose upper half is zero, as loads are', () => {
    runtime = new Runtime()
    const key = (high: number) => `r2 = r10\nr2 += -8\nr3 = ${high}\nr3 <<= 32\nr2 += r3\n`
    const run = (high: number, checked: boolean) => {
      const map = runtime!.createMap({ ...parseObject(firewall).maps['counters']! })
      const text = `*(u64 *)(r10 - 8) = 0\nr1 = ${map.address} ll\n${key(high)}call 1\nr0 = 0\nexit`
      return runtime!.loadProgram<Uint8Array>(assemble(text), { type: 'xdp', checked }).run(new Uint8Array(14))
    }
    expect(() => run(1, true)).toThrow(/argument 2 of map_lookup_elem is no address: its upper half is 0x1/)
    expect(run(0, true).retval).toBe(0)
    expect(run(1, false).retval).toBe(0)
  })

  it('says why a map refuses an update', () => {
    const collection = load(firewall)
    expect(() => collection.map('counters').set(5, {})).toThrow('E2BIG (there is no entry 5: it has 5)')
    expect(() => collection.map('events').set(0, 0)).toThrow(/ENOTSUPP \(programs send records/)
    collection.map('blocked').set({ addr: 1 }, 1)
    expect(() => collection.map('blocked').set({ addr: 1 }, 1, 1)).toThrow('EEXIST (the key is there already)')
    expect(() => collection.map('blocked').set({ addr: 2 }, 1, 2)).toThrow('ENOENT (the key is not there)')
    for (let addr = 2; addr <= 1024; addr++) collection.map('blocked').set({ addr }, 1)
    expect(() => collection.map('blocked').set({ addr: 5000 }, 1)).toThrow('E2BIG (it is full: 1024 entries)')
  })

  it('is shown in a line by a console, not with all of its memory', () => {
    const collection = load(filter)
    expect(inspect(collection.program('dispatch'))).toBe('Program dispatch (socket_filter)')
    expect(inspect(collection.map('tallies'))).toBe('BpfMap tallies (key 4, value 16, at most 256 entries)')
  })
})
