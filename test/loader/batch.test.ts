/**
 * Batches: many runs at once do what the interpreter does one by one, whatever helpers make of the packets in between.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { assembleFor } from '../../src/cli/assembler.ts'
import { decodeProgram, type Instruction } from '../../src/isa/index.ts'
import { type Engine, type Program, Runtime } from '../../src/loader/index.ts'
import { Records } from '../../src/programs/batch.ts'
import type { PacketInput, PacketOutput } from '../../src/programs/index.ts'
import { RAW_PROGRAM } from '../../src/programs/raw.ts'
import { SCHED_CLS_PROGRAM } from '../../src/programs/socket-buffer.ts'
import { XDP_PROGRAM } from '../../src/programs/xdp.ts'
import { linux } from '../../src/spec/index.ts'
import { hexToBytes } from '../../src/util/index.ts'
import { BpfFault } from '../../src/vm/index.ts'
import { parseExample, readPackets } from '../support/examples.ts'

interface Recorded {
  readonly name: string
  readonly type: string
  readonly insns: string
  readonly mapSlot: number
  readonly words: number
  readonly packet: string
}

const RECORDED = JSON.parse(readFileSync(join(import.meta.dirname, '../helpers/linux-6.18.json'), 'utf8')) as Recorded[]
const PACKETS = RECORDED.map(({ packet }) => hexToBytes(packet))
const ENGINES: readonly Engine[] = ['interpreter', 'jit']

const runtimes: Runtime[] = []
afterEach(() => {
  for (const runtime of runtimes.splice(0)) runtime.dispose()
})

function newRuntime(): Runtime {
  const runtime = new Runtime({ platform: linux('6.18') })
  runtimes.push(runtime)
  return runtime
}

type PacketProgram = Program<PacketInput, PacketOutput>

function loadText(engine: Engine, type: string, text: string, budget?: number): PacketProgram {
  const runtime = newRuntime()
  const options = { engine, type, ...(budget === undefined ? {} : { budget }) }
  return runtime.loadProgram(assembleFor(runtime.platform, text), options)
}

/** A recorded program, with the map of its results. */
function loadRecorded(engine: Engine, { type, insns, mapSlot, words }: Recorded) {
  const runtime = newRuntime()
  const map = runtime.createMap({
    name: 'results',
    kind: 'map',
    section: '.maps',
    type: 2,
    keySize: 4,
    valueSize: 8 * words,
    maxEntries: 1,
    flags: 0,
    pinning: 0,
    mapExtra: 0n,
  })
  const linked = decodeProgram(hexToBytes(insns), 'little').map((insn, slot): Instruction => {
    if (slot !== mapSlot || insn.kind !== 'lddw') return insn
    return { ...insn, source: 'imm64', imm: map.address | 0, imm2: 0 }
  })
  const program: PacketProgram = runtime.loadProgram(linked, { engine, type })
  return { program, map }
}

describe('a batch', () => {
  it.each(RECORDED.map((recorded) => [recorded.name, recorded] as const))(
    'does what single runs do, with packets that helpers change: %s',
    (_, recorded) => {
      const reference = loadRecorded('interpreter', recorded)
      const compiled = loadRecorded('jit', recorded)
      const packets = PACKETS.slice(0, 40)
      const expected = packets.map((packet) => reference.program.run(packet))
      const batch = compiled.program.runBatch(packets)
      // Twice: what has been looked at has not changed.
      for (let round = 0; round < 2; round++) expect([...batch].map(plain)).toEqual(expected.map(plain))
      expect(packets.map((_, i) => batch.lengthLeft(i))).toEqual(expected.map(({ packet }) => packet.length))
      const key = new Uint8Array(4)
      expect(compiled.map.getBytes(key)).toEqual(reference.map.getBytes(key))
    },
  )

  it.each(ENGINES)('of an example leaves the maps as single runs do: %s', (engine) => {
    const [single, together] = [0, 1].map(() => {
      const runtime = newRuntime()
      return runtime.load(parseExample('xdp-firewall/firewall.el.o'), { engine, globals: { threshold: 3 } })
    }) as [ReturnType<Runtime['load']>, ReturnType<Runtime['load']>]
    const program = Object.keys(single.programs)[0]!
    const packets = readPackets('mixed.pcap').map(({ data }) => data)
    const expected = packets.map((packet) => single.programs[program]!.run(packet))
    const batch = together.programs[program]!.runBatch(packets)
    expect(batch.retvals).toEqual(Uint32Array.from(expected, ({ retval }) => retval))
    expect(packets.map((_, i) => batch.verdict(i))).toEqual(expected.map(({ verdict }) => verdict))
    for (const [name, map] of Object.entries(single.maps).filter(([, map]) => !map.hasEvents)) {
      expect([name, [...map.entries()]]).toEqual([name, [...together.maps[name]!.entries()]])
    }
  })

  it('gives every run its context anew, and leaves the bytes of the packet', () => {
    // Adds one to the mark and to the first byte, and returns their sum.
    const text = `r2 = *(u32 *)(r1 + 8)
      r2 += 1
      *(u32 *)(r1 + 8) = r2
      r3 = *(u32 *)(r1 + 76)
      r4 = *(u8 *)(r3 + 0)
      r4 += 1
      *(u8 *)(r3 + 0) = r4
      r0 = r2
      r0 += r4
      exit`
    const program = loadText('jit', 'sched_cls', text)
    const packet = new Uint8Array(20)
    const batch = program.batch([packet, { packet, context: { mark: 100 } }])
    expect([...batch.run().retvals]).toEqual([2, 102])
    expect(batch.result(1)).toMatchObject({ context: { mark: 101 }, packet: { 0: 1 } })
    expect([...batch.run().retvals]).toEqual([3, 103])
    expect([...batch.fill([packet]).run().retvals]).toEqual([2])
    expect(packet[0]).toBe(0)
    expect(batch.length).toBe(1)
  })

  it('begins anew with a packet that a run has moved', () => {
    const program = loadText('jit', 'xdp', 'r2 = -8\ncall xdp_adjust_head\nr0 = 2\nexit')
    const packets = [new Uint8Array(60).fill(1), new Uint8Array(70).fill(2)]
    const batch = program.batch(packets)
    for (let round = 0; round < 2; round++) {
      batch.run()
      expect(batch.lengthLeft(0)).toBe(68)
      expect(batch.result(1)).toMatchObject({ verdict: 'XDP_PASS', packet: { length: 78, 7: 0, 8: 2 } })
      expect(batch.result(0).packet).toEqual(Uint8Array.from([...new Uint8Array(8), ...packets[0]!]))
    }
  })

  it('tells where packets are sent, of those whose verdict it is', () => {
    // Redirects to the interface that the first byte names, but passes the packet if the second one is set.
    const text = `r6 = *(u32 *)(r1 + 0)
      r1 = *(u8 *)(r6 + 0)
      r2 = 0
      call redirect
      r1 = *(u8 *)(r6 + 1)
      if r1 == 0 goto +1
      r0 = 2
      exit`
    for (const engine of ENGINES) {
      const batch = loadText(engine, 'xdp', text).runBatch([
        Uint8Array.of(7, 0, 0),
        Uint8Array.of(8, 1, 0),
        Uint8Array.of(9, 0, 0),
      ])
      expect([...batch].map(({ redirect }) => redirect?.ifindex)).toEqual([7, undefined, 9])
      // Only with the verdict that has it done, though the second one asked, too.
      expect([0, 1, 2].map((index) => batch.askedForRedirect(index))).toEqual([true, false, true])
    }
  })

  it.each(ENGINES)('ends with the run that fails, and keeps those before it: %s', (engine) => {
    // Divides the budget: loops as often as the first byte says, times 2^16.
    const text = `r2 = *(u32 *)(r1 + 0)
      r3 = *(u8 *)(r2 + 0)
      r3 <<= 16
      r0 = 0
      r0 += 1
      r3 -= 1
      if r3 s> 0 goto -3
      exit`
    const program = loadText(engine, 'xdp', text, 1000)
    const batch = program.batch([Uint8Array.of(0), Uint8Array.of(0), Uint8Array.of(1), Uint8Array.of(0)])
    expect(() => batch.run()).toThrow(expect.objectContaining({ code: 'ERR_BUDGET' }))
    expect(batch.completed).toBe(2)
    expect([...batch.retvals]).toEqual([1, 1])
    expect(() => batch.result(2)).toThrow(expect.objectContaining({ code: 'ERR_NOT_FOUND' }))
    // The program, and the batch, can be run again.
    expect([...batch.fill([Uint8Array.of(0)]).run().retvals]).toEqual([1])
  })

  it.each(ENGINES)('gives each run a budget of its own: %s', (engine) => {
    const text = `r0 = 0
      r0 += 1
      if r0 < 30 goto -2
      exit`
    const program = loadText(engine, 'xdp', text, 100)
    const packets = new Array<Uint8Array>(50).fill(new Uint8Array(14))
    expect(program.runBatch(packets).completed).toBe(50)
    expect(program.repeat(new Uint8Array(14), 50)).toBe(30)
    const address = program.layOut(new Uint8Array(14))
    for (let i = 0; i < 50; i++) expect(program.runAt(address)).toBe(30)
  })

  it('runs what is given by address, on what the run before left', () => {
    for (const engine of ENGINES) {
      const text = `r2 = *(u32 *)(r1 + 0)
        r0 = *(u8 *)(r2 + 0)
        r0 += 1
        *(u8 *)(r2 + 0) = r0
        exit`
      const program = loadText(engine, 'xdp', text)
      const other = loadText(engine, 'xdp', 'r0 = 7\nexit')
      const address = program.layOut(new Uint8Array(14))
      expect([program.runAt(address), program.runAt(address), other.runAt(other.layOut(new Uint8Array(1)))]).toEqual([
        1, 2, 7,
      ])
      expect(program.runAt(address)).toBe(3)
      expect(program.collect(3).packet[0]).toBe(3)
      program.dispose()
      expect(() => program.runAt(address)).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }))
    }
  })

  it('tells before which runs helpers were called', () => {
    const text = `r2 = *(u32 *)(r1 + 0)
      r0 = *(u8 *)(r2 + 0)
      if r0 == 0 goto +1
      call ktime_get_ns
      exit`
    const called: number[] = []
    const packets = [0, 1, 0, 1, 1].map((byte) => Uint8Array.of(byte))
    const batch = loadText('jit', 'xdp', text).batch(packets)
    batch.run({ onHelper: (index) => called.push(index) })
    expect(called).toEqual([1, 3, 4])
  })

  it.each(ENGINES)('refuses to be changed, or run again, in the middle of a run: %s', (engine) => {
    const text = `r2 = *(u32 *)(r1 + 0)
      r6 = *(u8 *)(r2 + 0)
      call ktime_get_ns
      r0 = r6
      exit`
    const program = loadText(engine, 'xdp', text)
    const packets = [1, 2, 3].map((byte) => Uint8Array.of(byte))
    const batch = program.batch(packets)
    const codes: unknown[] = []
    const attempt = (act: () => unknown): void => {
      try {
        act()
        codes.push('done')
      } catch (error) {
        codes.push((error as { code?: string }).code)
      }
    }
    const onHelper = (): void => {
      attempt(() => batch.run())
      attempt(() => batch.fill([Uint8Array.of(9)]))
      attempt(() => program.runBatch(batch))
      attempt(() => batch.dispose())
    }
    expect(program.runBatch(batch, { onHelper })).toBe(batch)
    expect(codes).toEqual(new Array(12).fill('ERR_USAGE'))
    expect([...batch.retvals]).toEqual([1, 2, 3])
    expect([...batch].map(({ packet }) => packet)).toEqual(packets)
    expect([...batch.fill([Uint8Array.of(9)]).run().retvals]).toEqual([9])
    batch.dispose()
    codes.length = 0
    const again = (): void => attempt(() => program.runBatch([Uint8Array.of(9)]))
    expect([...program.runBatch(packets, { onHelper: again }).retvals]).toEqual([1, 2, 3])
    expect(codes).toEqual(new Array(3).fill('ERR_USAGE'))
  })

  it.each(ENGINES)('that an array became keeps its results when the next array comes: %s', (engine) => {
    // Of two packets the second moves, into a buffer of its own.
    const text = `r6 = *(u32 *)(r1 + 0)
      r7 = *(u8 *)(r6 + 0)
      r2 = *(u32 *)(r1 + 4)
      r2 -= r6
      if r2 < 30 goto +3
      r2 = -4
      call xdp_adjust_head
      goto +2
      r2 = 1
      *(u8 *)(r6 + 0) = r2
      r0 = r7
      exit`
    const program = loadText(engine, 'xdp', text)
    const inputs = (byte: number): Uint8Array[] => [20, 40].map((size) => new Uint8Array(size).fill(byte))
    const told = (batch: ReturnType<PacketProgram['runBatch']>): unknown[] =>
      [...batch].map((result, i) => [plain(result), batch.verdict(i), batch.lengthLeft(i), batch.askedForRedirect(i)])
    const used = (): number => Reflect.get(program, 'host').machine.memory.usedBytes
    const first = program.runBatch(inputs(2))
    const before = told(first)
    expect(before).toHaveLength(2)
    const bytes = used()
    const batches = [3, 4, 5].map((byte) => program.runBatch(inputs(byte)))
    expect(used()).toBe(bytes)
    expect(told(first)).toEqual(before)
    expect([first, ...batches].map(({ retvals }) => [...retvals])).toEqual([2, 3, 4, 5].map((byte) => [byte, byte]))
    for (const act of [() => first.run(), () => first.fill([]), () => program.runBatch(first)]) {
      expect(act).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }))
    }
    first.dispose()
    expect(() => first.result(0)).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }))
    // Of the last one the memory is given back, and the next array finds other memory.
    batches[2]!.dispose()
    expect([...program.runBatch(inputs(6)).retvals]).toEqual([6, 6])
    expect([...batches[1]!.retvals]).toEqual([4, 4])
    // An input that is none changes nothing of what is there.
    const last = program.runBatch(inputs(7))
    expect(() => program.runBatch([1 as never])).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }))
    expect([...last.retvals]).toEqual([7, 7])
    expect([...program.runBatch(inputs(8)).retvals]).toEqual([8, 8])
  })

  it.each(ENGINES)('says of which input a fault is: %s', (engine) => {
    const text = 'r2 = *(u32 *)(r1 + 0)\nr0 = *(u8 *)(r2 + 0)\nif r0 == 0 goto -1\nexit'
    const program = loadText(engine, 'xdp', text, 1000)
    const inputs = [5, 6, 0, 7].map((byte) => Uint8Array.of(byte))
    const batch = program.batch(inputs)
    for (const run of [() => batch.run(), () => program.runBatch(batch), () => program.runBatch(inputs)]) {
      const error = thrown(run)
      expect(error).toBeInstanceOf(BpfFault)
      const { code, message, details, cause } = error as BpfFault
      expect([code, message.slice(0, 25)]).toEqual(['ERR_BUDGET', 'program: input 2: insn 2:'])
      expect(JSON.parse(JSON.stringify(details))).toEqual(details)
      expect([details.input, details.slot]).toEqual([2, 2])
      expect((cause as BpfFault).details).toEqual({ ...details, input: undefined })
    }
    expect([...batch.retvals]).toEqual([5, 6])
  })

  // Nobody verified these: they overwrite what the context says of the packet.
  it.each([
    ['xdp', 'r2 = -1\n*(u32 *)(r1 + 4) = r2\nr2 = 4\ncall xdp_adjust_tail'],
    ['xdp', 'r2 = -64\n*(u32 *)(r1 + 0) = r2\n*(u32 *)(r1 + 4) = r2\nr2 = -4\ncall xdp_adjust_head'],
    ['xdp', 'r2 = -64\n*(u32 *)(r1 + 8) = r2\nr2 = -4\ncall xdp_adjust_meta'],
    ['xdp', 'r2 = 0\n*(u32 *)(r1 + 8) = r2\nr2 = -64\n*(u32 *)(r1 + 0) = r2\nr2 = 4\ncall xdp_adjust_tail'],
    // Metadata that would begin 64 KiB before the packet, and be written there.
    ['xdp', 'r2 = *(u32 *)(r1 + 0)\nr2 += -65536\n*(u32 *)(r1 + 8) = r2\nr2 = 4\ncall xdp_adjust_tail'],
    ['xdp', 'r2 = 9\n*(u32 *)(r1 + 4) = r2\nr0 = 2'],
    ['sched_cls', 'r2 = -1\n*(u32 *)(r1 + 0) = r2\nr2 = 100\nr3 = 0\ncall skb_change_tail'],
    ['sched_cls', 'r2 = -1\n*(u32 *)(r1 + 76) = r2\nr2 = 0\nr3 = r10\nr3 += -8\nr4 = 8\ncall skb_load_bytes'],
    ['sched_cls', 'r2 = -64\n*(u32 *)(r1 + 76) = r2\ncall get_hash_recalc'],
    ['socket_filter', 'r2 = 0x7fffffff\n*(u32 *)(r1 + 0) = r2\ncall get_prandom_u32\nr0 = 3'],
    ['socket_filter', 'r2 = 0x7fffffff\n*(u32 *)(r1 + 0) = r2\nr0 = 3'],
    ['socket_filter', 'r6 = r1\nr2 = -64\n*(u32 *)(r1 + 76) = r2\nr0 = *(u32 *)skb[4]'],
  ])('is not led astray by contexts that programs overwrite: %s, %s', (type, text) => {
    const program = loadText('jit', type, `${text}\nexit`)
    const packets = [1, 2].map((byte) => new Uint8Array(60).fill(byte))
    const parts = ({ retval, packet, metadata }: ReturnType<PacketProgram['run']>) => ({ retval, packet, metadata })
    const expected = packets.map((packet) => parts(program.run(packet)))
    const batch = program.batch(packets)
    for (let round = 0; round < 2; round++) {
      batch.run()
      expect([...batch].map(parts)).toEqual(expected)
      expect([0, 1].map((index) => batch.lengthLeft(index))).toEqual(expected.map(({ packet }) => packet.length))
      batch.fill(packets)
    }
  })

  it('of bare memory knows itself where the inputs lie, whatever is written over r1 and r2', () => {
    const instance = RAW_PROGRAM.createContext(newRuntime().machine)
    const batch = instance.createBatch!()
    batch.fill([new Uint8Array(8).fill(5)])
    batch.records.setArguments(0, 0xfffffff0, 0x7fffffff)
    batch.select(batch.records.at(0))
    expect([batch.lengthLeft(0), batch.collect(0, 0).memory]).toEqual([8, new Uint8Array(8).fill(5)])
    const { visibleStart, visibleEnd } = Reflect.get(batch, 'block') as { visibleStart: number; visibleEnd: number }
    expect(visibleEnd - visibleStart).toBe(8)
    batch.dispose()
    instance.dispose()
  })

  it('takes nothing but its own records for one: a program may have overwritten which one is run', () => {
    const { machine } = newRuntime()
    const records = new Records(machine, 24)
    records.reserve(3)
    const size = records.at(1) - records.at(0)
    expect([0, 1, 2].map((i) => records.running(records.at(i)))).toEqual([0, 1, 2])
    for (const strange of [0, 4, records.at(0) - size, records.at(0) + 8, records.at(3), 0xfffffff0]) {
      expect(() => records.running(strange)).toThrow(expect.objectContaining({ kind: 'out_of_bounds' }))
      expect(records.indexOf(strange)).toBe(0)
    }
    records.dispose()
    const runtime = newRuntime()
    for (const definition of [XDP_PROGRAM, SCHED_CLS_PROGRAM, RAW_PROGRAM]) {
      const instance = definition.createContext(runtime.machine)
      const batch = instance.createBatch!()
      batch.fill([new Uint8Array(14) as never])
      batch.begin()
      expect(() => batch.select(-16 >>> 0)).toThrow(expect.objectContaining({ kind: 'out_of_bounds' }))
      batch.dispose()
      instance.dispose()
    }
  })

  it('of nothing is done at once, and one that was disposed of is not run', () => {
    for (const engine of ENGINES) {
      const program = loadText(engine, 'xdp', 'r0 = 2\nexit')
      expect(program.runBatch([]).completed).toBe(0)
      const batch = program.batch([new Uint8Array(1)])
      batch.dispose()
      expect(() => batch.run()).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }))
      expect(() => program.batch([{ no: 'packet' } as never]).run()).toThrow(
        expect.objectContaining({ code: 'ERR_USAGE' }),
      )
      expect(program.run(new Uint8Array(1)).verdict).toBe('XDP_PASS')
    }
  })

  it('leaves no memory behind', () => {
    const runtime = newRuntime()
    const insns = assembleFor(runtime.platform, 'r2 = 4\ncall xdp_adjust_tail\nr0 = 2\nexit')
    const used = (): number => runtime.machine.memory.usedBytes
    const load = () => runtime.loadProgram<PacketInput, PacketOutput>(insns, { engine: 'jit', type: 'xdp' })
    load().dispose()
    const before = used()
    for (let i = 0; i < 10; i++) {
      const program = load()
      program.runBatch([new Uint8Array(60), new Uint8Array(90)])
      program.batch([new Uint8Array(2000)]).run()
      program.dispose()
      expect(used()).toBe(before)
    }
  })
})

function thrown(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

/** Getters of a result, read. */
function plain(result: PacketOutput & { readonly retval: number }): object {
  const { retval, verdict, packet, redirect, metadata, context } = result
  return { retval, verdict, packet, redirect, metadata, context }
}
