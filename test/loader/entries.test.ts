/** The ways into a program leave the runtime fit for the next run, whatever they were given and however a run ended. */
import { afterEach, describe, expect, it } from 'vitest'
import { assembleFor } from '../../src/cli/assembler.ts'
import { type Engine, type Program, Runtime } from '../../src/loader/index.ts'
import type { PacketInput, PacketOutput } from '../../src/programs/index.ts'
import { parseExample } from '../support/examples.ts'

const ENGINES: readonly Engine[] = ['interpreter', 'jit']
const PACKET = new Uint8Array(64)
const usage = expect.objectContaining({ code: 'ERR_USAGE' })

let runtime: Runtime | undefined
afterEach(() => runtime?.dispose())

type PacketProgram = Program<PacketInput, PacketOutput>

function load(engine: Engine, text: string, more: object = {}): PacketProgram {
  runtime = new Runtime()
  return runtime.loadProgram(assembleFor(runtime.platform, text), { engine, type: 'xdp', ...more })
}

describe.each(ENGINES)('a program, on the %s', (engine) => {
  it('whose map makes the memory grow is run again, by any way in', () => {
    runtime = new Runtime()
    const map = runtime.createMap({
      ...{ name: 'large', kind: 'map', section: '.maps', type: 1, keySize: 4, valueSize: 8, maxEntries: 60_000 },
      ...{ flags: 0, pinning: 0, mapExtra: 0n },
    })
    const text = `r7 = 20000
      r8 = *(u32 *)(r1 + 0)
      r6 = *(u32 *)(r8 + 0)
      r6 *= 20000
      next:
      *(u32 *)(r10 - 4) = r6
      *(u64 *)(r10 - 16) = r6
      r1 = ${map.address} ll
      r2 = r10
      r2 += -4
      r3 = r10
      r3 += -16
      r4 = 0
      call map_update_elem
      r6 += 1
      r7 -= 1
      if r7 != 0 goto next
      r0 = 2
      exit`
    const insns = assembleFor(runtime.platform, text)
    const program: PacketProgram = runtime.loadProgram(insns, {
      engine,
      type: 'xdp',
      checked: false,
      budget: 1_000_000,
    })
    const size = (): number => runtime!.machine.memory.u8.length
    const before = size()
    expect(program.runAt(program.layOut(Uint8Array.of(0, 0, 0, 0)))).toBe(2)
    expect(program.run(Uint8Array.of(1, 0, 0, 0)).verdict).toBe('XDP_PASS')
    expect(() => program.run(Uint8Array.of(2, 0, 0, 0), { budget: 200_000 })).toThrow(
      expect.objectContaining({ code: 'ERR_BUDGET' }),
    )
    expect(size()).toBeGreaterThan(before)
    expect(program.run(Uint8Array.of(0, 0, 0, 0)).packet).toHaveLength(4)
  })

  it('is not run with what is no budget, or no number of runs, and runs afterwards', () => {
    const program = load(engine, 'r0 = 2\nexit')
    for (const budget of [-1, 1.5, Number.NaN]) {
      expect(() => program.run(PACKET, { budget })).toThrow(usage)
      if (engine === 'jit') expect(() => program.batch([PACKET]).run({ budget })).toThrow(usage)
      expect(() => load(engine, 'exit', { budget })).toThrow(usage)
    }
    for (const count of [1.5, -1, Number.POSITIVE_INFINITY, Number.NaN]) {
      expect(() => program.repeat(PACKET, count)).toThrow(usage)
    }
    expect(program.repeat(PACKET, 3)).toBe(2)
    expect(program.run(PACKET).verdict).toBe('XDP_PASS')
  })

  it('refuses options that are none, and says which there are', () => {
    const program = load(engine, 'r0 = 2\nexit')
    const wrong: readonly [() => unknown, RegExp][] = [
      [() => program.run(PACKET, { trace: 1 as never }), /program: trace is a function, not 1/],
      [
        () => program.invoke(PACKET, { cheked: true } as never),
        /there is no option "cheked"; there are budget, checked/,
      ],
      [() => program.repeat(PACKET, 1, { checked: 1 as never }), /checked is true or false, not 1/],
      [() => program.run(PACKET, 5 as never), /options are an object, not 5/],
      [() => program.batch([PACKET]).run({ onhelper: 1 } as never), /there is no option "onhelper"/],
      [() => load(engine, 'exit', { engine: 'wasm' }), /engine is "interpreter" or "jit", not "wasm"/],
      [() => load(engine, 'exit', { checkd: true }), /loadProgram: there is no option "checkd"/],
      [() => new Runtime({ memory: 5 } as never), /Runtime: there is no option "memory"/],
      [() => program.runBatch(PACKET as never), /an array of inputs, or a batch/],
      [() => (program.runAt as () => number)(), /runAt wants the address that layOut/],
      [() => load(engine, 'r0 = 2\nexit').again(1), /there was none/],
    ]
    for (const [act, message] of wrong) {
      expect(act).toThrow(usage)
      expect(act).toThrow(message)
    }
    const budget = undefined as unknown as number
    expect(program.run(PACKET, { budget }).retval).toBe(2)
    expect([program.runAt(program.layOut(PACKET)), program.again(2)]).toEqual([2, 2])
  })

  it('is not run any more by a runAt that somebody kept', () => {
    const program = load(engine, 'r0 = 2\nexit')
    const { runAt } = program
    const address = program.layOut(PACKET)
    expect(runAt(address)).toBe(2)
    program.dispose()
    expect(() => runAt(address)).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }))
  })

  it('takes no batch of another program', () => {
    const program = load(engine, 'r0 = 2\nexit')
    const other = runtime!.loadProgram<PacketInput, PacketOutput>(assembleFor(runtime!.platform, 'r0 = 1\nexit'), {
      engine,
      type: 'xdp',
    })
    expect(() => program.runBatch(other.batch([PACKET]))).toThrow(usage)
  })

  it('is not disposed of while it runs, nor is its runtime', () => {
    const refused: unknown[] = []
    runtime = new Runtime({
      print: () => {
        for (const disposable of [program, runtime!]) {
          try {
            disposable.dispose()
          } catch (error) {
            refused.push(error)
          }
        }
      },
    })
    const text = '*(u64 *)(r10 - 8) = 0x21\nr1 = r10\nr1 += -8\nr2 = 8\ncall trace_printk\nr0 = 2\nexit'
    const program: PacketProgram = runtime.loadProgram(assembleFor(runtime.platform, text), { engine, type: 'xdp' })
    expect(program.run(PACKET).retval).toBe(2)
    expect(refused).toEqual([usage, usage])
  })
})

describe('a raw program', () => {
  it('says what it takes, given something else', () => {
    runtime = new Runtime()
    const program = runtime.loadProgram(assembleFor(runtime.platform, 'r0 = 2\nexit'))
    for (const input of ['abc', 5, null, {}, [1, 2]]) {
      expect(() => program.run(input)).toThrow(/the input of a raw program is its memory: a Uint8Array, or nothing/)
      expect(() => program.runBatch([input])).toThrow(usage)
    }
    expect(program.run({ bytes: PACKET }).retval).toBe(2)
  })
})

describe('what was not accepted', () => {
  it('is checked, whatever report is handed in with it', () => {
    runtime = new Runtime()
    const insns = assembleFor(runtime.platform, 'r1 = 0\n*(u8 *)(r1 + 0) = 1\nexit')
    const report = { verdict: 'reject' } as never
    const program = runtime.loadProgram<PacketInput, PacketOutput>(insns, { type: 'xdp', report })
    expect(() => program.run(PACKET)).toThrow(/NULL/)
  })
})

describe('loading an object', () => {
  it('refuses options that are none', () => {
    runtime = new Runtime()
    const spec = parseExample('xdp-firewall/firewall.el.o')
    expect(() => runtime!.load(spec, { verfy: false } as never)).toThrow(/load: there is no option "verfy"/)
    expect(() => runtime!.load(spec, { verify: 'no' as never })).toThrow(
      /verify is true or false, or an object, not "no"/,
    )
    expect(() => runtime!.load(spec, { verify: { autor: 'trusted' } as never })).toThrow(
      /verify: there is no option "autor"/,
    )
    expect(() => runtime!.load(spec, { engine: 'jot' as never })).toThrow(/engine is "interpreter" or "jit"/)
  })
})
