/**
 * Packet helpers do what Linux 6.18 does. `linux-6.18.json` holds random programs with what that kernel's test run made of
 * them: return value, packet, and what each helper returned or read, stored in an array map. Every program runs here on both
 * engines, the interpreter checking every access.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BUILTIN_HELPERS, helpersOf } from '../../src/helpers/index.ts'
import { decodeProgram, type Instruction } from '../../src/isa/index.ts'
import { BUILTIN_MAP_TYPES } from '../../src/maps/index.ts'
import { BUILTIN_PROGRAM_TYPES } from '../../src/programs/index.ts'
import { linux } from '../../src/spec/index.ts'
import { bytesToHex, hexToBytes } from '../../src/util/index.ts'
import { Interpreter, Jit, justInTime, VirtualCpu, VirtualMachine } from '../../src/vm/index.ts'

interface Recorded {
  readonly name: string
  readonly type: string
  readonly insns: string
  /** Where the address of the map of results goes. */
  readonly mapSlot: number
  /** 8-byte words of the map's only value. */
  readonly words: number
  readonly packet: string
  readonly retval: number
  readonly packetOut: string
  /** Words that are not zero. */
  readonly value: Readonly<Record<string, string>>
}

const RECORDED = JSON.parse(readFileSync(join(import.meta.dirname, 'linux-6.18.json'), 'utf8')) as Recorded[]
type Engine = 'interpreter' | 'jit'
const ENGINES: readonly Engine[] = ['interpreter', 'jit']
const platform = linux('6.18')
const array = BUILTIN_MAP_TYPES.find((type) => type.spec.name === 'array')!

function run(recorded: Recorded, engine: Engine): Pick<Recorded, 'retval' | 'packetOut' | 'value'> {
  const machine = new VirtualMachine({ platform, helpers: helpersOf(platform, BUILTIN_HELPERS) })
  const map = array.create(machine, {
    name: 'results',
    keySize: 4,
    valueSize: 8 * recorded.words,
    maxEntries: 1,
    flags: 0,
    cpus: 1,
  })
  machine.addMap(map)
  const insns = decodeProgram(hexToBytes(recorded.insns), 'little').map((insn, slot): Instruction => {
    if (slot !== recorded.mapSlot || insn.kind !== 'lddw') return insn
    return { ...insn, source: 'imm64', imm: map.address | 0, imm2: 0 }
  })
  const context = BUILTIN_PROGRAM_TYPES.find((type) => type.spec.name === recorded.type)!.createContext(machine)
  const cpu = new VirtualCpu({ machine })
  const { r1, r2 } = context.prepare(hexToBytes(recorded.packet))
  cpu.context = context.context
  const program = machine.addProgram({ name: recorded.name, insns })
  if (engine === 'interpreter') new Interpreter(cpu).run(program, r1, r2, { checked: true })
  else new Jit(cpu, justInTime()).run(program, r1, r2)
  const retval = cpu.registers[0]! >>> 0
  const output = context.collect(retval) as { packet: Uint8Array; metadata?: Uint8Array }
  const key = machine.memory.allocate(4)
  const bytes = machine.memory.read(map.lookup(key, 0), 8 * recorded.words)
  const words = Array.from(
    { length: recorded.words },
    (_, i) => [i, bytesToHex(bytes.subarray(8 * i, 8 * i + 8))] as const,
  )
  return {
    retval,
    // The kernel's test run answers with the metadata before the packet.
    packetOut: bytesToHex(output.metadata ?? new Uint8Array(0)) + bytesToHex(output.packet),
    value: Object.fromEntries(words.filter(([, word]) => /[^0]/.test(word))),
  }
}

describe('packet helpers, beside Linux 6.18', () => {
  it('are recorded for three program types', () => {
    const types = new Set(RECORDED.map((recorded) => recorded.type))
    expect([...types].sort()).toEqual(['sched_cls', 'socket_filter', 'xdp'])
  })

  it.each(RECORDED.map((recorded) => [recorded.name, recorded] as const))('%s', (_, recorded) => {
    const { retval, packetOut, value } = recorded
    for (const engine of ENGINES) expect(run(recorded, engine)).toEqual({ retval, packetOut, value })
  })
})
