/**
 * Calls that lead from one compiled program into another: through a table of each program's own, which follows what programs are
 * there, and keeps none of them alive.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { BUILTIN_HELPERS, helpersOf } from '../../../src/helpers/index.ts'
import { assemble } from '../../../src/isa/index.ts'
import { PROG_ARRAY } from '../../../src/maps/index.ts'
import { linux } from '../../../src/spec/platforms/linux.ts'
import { Jit, VirtualCpu, VirtualMachine } from '../../../src/vm/index.ts'
import { justInTime } from '../../../src/vm/jit/just-in-time.ts'

function world() {
  const platform = linux()
  const machine = new VirtualMachine({ platform, helpers: helpersOf(platform, BUILTIN_HELPERS) })
  const cpu = new VirtualCpu({ machine })
  const jit = new Jit(cpu, justInTime())
  const add = (text: string, type?: string) =>
    machine.addProgram({ name: 'program', insns: assemble(text), verified: true, ...(type !== undefined && { type }) })
  const entries = PROG_ARRAY.create(machine, {
    name: 'programs',
    keySize: 4,
    valueSize: 4,
    maxEntries: 4,
    flags: 0,
    cpus: 1,
  })
  machine.addMap(entries)
  const at = machine.memory.allocate(8)
  const put = (entry: number, index: number): void => {
    machine.memory.view.setUint32(at, entry, true)
    machine.memory.view.setUint32(at + 4, index + 1, true)
    expect(entries.update(at, at + 4, 0, 0)).toBe(0)
  }
  /** Calls the entry that r2 says; -ENOENT where there is nothing to call. */
  const caller = (type?: string) => add(`r3 = r2\nr2 = ${entries.address} ll\ncall 12\nexit`, type)
  return { machine, jit, add, put, caller }
}

describe('a tail call', () => {
  it('follows the program array, and the programs that take each other’s slots', () => {
    const { machine, jit, add, put, caller } = world()
    const from = caller()
    const call = (entry: number): number => jit.run(from, 0, entry) | 0
    expect(call(0)).toBe(-2)
    const one = add('r0 = 1\nexit')
    put(0, one.index)
    // Once through JavaScript, then without.
    for (let i = 0; i < 3; i++) expect(call(0)).toBe(1)
    put(1, add('r0 = 2\nexit').index)
    put(0, add('r0 = 3\nexit').index)
    for (let i = 0; i < 3; i++) expect([call(0), call(1), call(2), call(4), call(-1)]).toEqual([3, 2, -2, -2, -2])
    put(0, one.index)
    expect(call(0)).toBe(1)
    machine.removeProgram(one)
    expect(call(0)).toBe(-2)
    const other = add('r0 = 4\nexit')
    expect(other.index).toBe(one.index)
    expect(call(0)).toBe(-2)
    put(0, other.index)
    for (let i = 0; i < 3; i++) expect(call(0)).toBe(4)
  })

  it('leads into a program of another type never, though one of that type called it before', () => {
    const { jit, add, put, caller } = world()
    const [a, b] = [caller('a'), caller('b')]
    put(0, add('r0 = 1\nexit', 'a').index)
    for (let i = 0; i < 3; i++) expect([jit.run(a, 0, 0), jit.run(b, 0, 0) | 0]).toEqual([1, -2])
  })

  it('reaches programs in slots above those that code knows by itself', () => {
    const { jit, add, put, caller } = world()
    const from = caller()
    for (let i = 0; i < 100; i++) {
      put(0, add(`r0 = ${i}\nexit`).index)
      for (let round = 0; round < 2; round++) expect(jit.run(from, 0, 0)).toBe(i)
    }
  })
})

it('programs that were removed are forgotten, by the engine too', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const { machine, jit, add, put, caller } = world()
  const target = add('r0 = 7\nexit')
  put(0, target.index)
  const modules: WeakRef<object>[] = []
  for (let i = 0; i < 100; i++) {
    const program = i % 2 === 0 ? add(`r0 = ${i}\nexit`) : caller()
    modules.push(new WeakRef(jit.prepare(program, 0).module))
    expect(jit.run(program, 0, 0)).toBe(i % 2 === 0 ? i : 7)
    machine.removeProgram(program)
  }
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10))
    collect()
  }
  expect(modules.filter((module) => module.deref() !== undefined).length).toBeLessThan(10)
})
