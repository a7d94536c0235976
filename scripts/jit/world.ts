/**
 * One machine on which all programs of a campaign run, on each engine in turn. Everything that a program can change lies in
 * the linear memory: before each run it is what it was when the world was made, so that a program's seed alone decides
 * what it does, and what is left behind can be compared byte by byte.
 * @module
 */

import { BUILTIN_HELPERS, helpersOf } from '../../src/helpers/index.ts'
import {
  ARRAY,
  HASH,
  type HostMapStore,
  LPM_TRIE,
  LRU_HASH,
  LRU_PERCPU_HASH,
  type MapTypeDefinition,
  PERCPU_ARRAY,
  PERCPU_HASH,
  PROG_ARRAY,
} from '../../src/maps/index.ts'
import { MAP_FLAG } from '../../src/spec/map-types.ts'
import { linux } from '../../src/spec/platforms/linux.ts'
import type { HelperSpec } from '../../src/spec/types.ts'
import { SeededRandom } from '../../src/util/index.ts'
import {
  type Environment,
  type GuestAddress,
  type HelperDefinition,
  type HelperFunction,
  Interpreter,
  Jit,
  type JitPasses,
  justInTime,
  type PacketSource,
  VirtualCpu,
  VirtualMachine,
} from '../../src/vm/index.ts'
import { cpuBlockOf } from '../../src/vm/jit/cpu-block.ts'
import { aheadOfTime } from './ahead.ts'

export const MEMORY_SIZE = 256
export const PACKET_SIZE = 64
export const PROGRAM_SLOTS = 4

/** A map as the generator knows it. */
export interface WorldMap {
  readonly kind: 'array' | 'percpu_array' | 'hash' | 'trie'
  readonly address: GuestAddress
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  /** Of an array: where element 0 lies. */
  readonly values: GuestAddress
}

/** What programs are told of the world: addresses, which they hold as constants. */
export interface WorldLayout {
  /** What r1 points to, {@link MEMORY_SIZE} bytes. */
  readonly memory: GuestAddress
  readonly maps: readonly WorldMap[]
  /** A program array of {@link PROGRAM_SLOTS} entries. */
  readonly programs: GuestAddress
}

/** Time and randomness that begin anew with every run. */
class RepeatedEnvironment implements Environment {
  readonly task = { pid: 7, tgid: 5, uid: 3, gid: 2, comm: 'jit-check' }
  private now = 0n
  private random = new SeededRandom(0)

  restart(seed: number): void {
    this.now = BigInt(seed >>> 0) * 1_000_003n
    this.random = new SeededRandom(seed)
  }

  monotonicNs(): bigint {
    this.now += 12_345_678_901n
    return this.now
  }

  randomU32(): number {
    return this.random.u32()
  }
}

function own(
  id: number,
  args: HelperSpec['args'],
  returns: HelperSpec['returns'],
  call: HelperFunction,
): HelperDefinition {
  return { spec: { id, name: `own_${id}`, args, returns }, call }
}

const mix = (...values: number[]): number => {
  let hash = 0x811c9dc5 | 0
  for (const value of values) hash = Math.imul(hash ^ value, 0x01000193) ^ (hash >>> 15)
  return hash | 0
}

/** Helpers of every way of handing over arguments and results. */
export const OWN_HELPERS: readonly HelperDefinition[] = [
  own(1001, [], 'i32', () => -7),
  own(1002, [32], 'u32', (_cpu, a) => mix(a)),
  own(1003, [64, 32], 'i32', (cpu, a, b) => mix(a, cpu.argHigh(1), b)),
  own(1004, [32, 32, 32], 'u32', (_cpu, a, b, c) => mix(a, b, c)),
  own(1005, [32, 32, 32, 32], 'i32', (_cpu, a, b, c, d) => mix(a, b, c, d)),
  own(1006, [32, 64, 32, 64, 32], 'u64', (cpu, a, b, c, d, e) => {
    cpu.setResult(mix(a, b, c, d, e), mix(cpu.argHigh(2), cpu.argHigh(4)))
    return 0
  }),
  own(1007, [64, 64, 64, 64, 64], 'u64', (cpu, a, b, c, d, e) => {
    cpu.setResult(
      mix(a, cpu.argHigh(1), b, cpu.argHigh(2), c),
      mix(cpu.argHigh(3), d, cpu.argHigh(4), e, cpu.argHigh(5)),
    )
    return 0
  }),
  own(1008, [32, 32, 32, 32, 32], 'u32', (_cpu, a, b, c, d, e) => mix(a, b, c, d, e)),
  own(1009, [32, 32], 'void', () => 99),
  // A helper that changes what a pointer leads to.
  own(1010, ['pointer', 32], 'u32', (cpu, a, b) => {
    const { view } = cpu.memory
    view.setInt32(a >>> 0, view.getInt32(a >>> 0, true) + b, true)
    return b
  }),
]

const PLATFORM = linux()

/** The engines of a world: the JIT once for each choice of passes. */
export interface JitEngine {
  readonly name: string
  readonly jit: Jit
}

export const NO_PASSES: JitPasses = {
  foldAddresses: false,
  rotates: false,
  byteSwaps: false,
  unroll: false,
  selects: false,
  extensions: false,
  stackSlots: false,
  maps: false,
  inlineInsns: 0,
}

/** Every few instructions a function of its own. */
export const IN_PIECES: JitPasses = { pieceInsns: 7 }

export class World {
  readonly machine: VirtualMachine
  readonly cpu: VirtualCpu
  readonly interpreter: Interpreter
  /** Every pass; none; functions cut into small pieces. */
  readonly jits: readonly JitEngine[]
  readonly layout: WorldLayout
  private chosen: JitPasses = {}
  private readonly environment = new RepeatedEnvironment()
  private readonly programs: HostMapStore
  private readonly memory: GuestAddress
  private readonly initial: Uint8Array
  /** All of it but page zero. */
  private readonly changeable: Uint8Array
  private readonly packet = new Uint8Array(PACKET_SIZE)
  /** What is nobody's business: stacks, and what engines keep for themselves. */
  private readonly hiddenStart: number
  private readonly hiddenEnd: number

  constructor() {
    const helpers = new Map([
      ...helpersOf(PLATFORM, BUILTIN_HELPERS),
      ...OWN_HELPERS.map((one) => [one.spec.id, one] as const),
    ])
    this.machine = new VirtualMachine({ platform: PLATFORM, helpers })
    const { machine } = this
    this.cpu = new VirtualCpu({ machine, environment: this.environment })
    this.interpreter = new Interpreter(this.cpu)
    this.jits = [
      { name: 'all passes', jit: new Jit(this.cpu, justInTime()) },
      { name: 'no passes', jit: new Jit(this.cpu, justInTime(NO_PASSES)) },
      { name: 'in pieces', jit: new Jit(this.cpu, justInTime(IN_PIECES)) },
      { name: 'ahead of time', jit: new Jit(this.cpu, aheadOfTime) },
      { name: 'some passes', jit: new Jit(this.cpu, (...request) => justInTime(this.chosen)(...request)) },
    ]
    this.hiddenStart = this.cpu.frameTop(0)
    this.memory = machine.memory.allocate(MEMORY_SIZE)
    this.hiddenEnd = this.memory
    machine.regions.add({ start: this.memory, end: this.memory + MEMORY_SIZE, writable: true, name: 'memory' })
    const maps = [
      this.map('array', ARRAY, 4, 48, 4),
      this.map('array', ARRAY, 4, 20, 3),
      this.map('percpu_array', PERCPU_ARRAY, 4, 24, 2),
      this.map('hash', HASH, 8, 16, 8),
      this.map('hash', HASH, 4, 12, 5),
      // Keys of every way of hashing them, and of looking them up.
      this.map('hash', HASH, 16, 8, 16),
      this.map('hash', HASH, 3, 16, 6),
      this.map('hash', HASH, 13, 64, 7),
      this.map('hash', LRU_HASH, 20, 24, 9),
      this.map('hash', LRU_HASH, 4, 8, 4),
      this.map('hash', PERCPU_HASH, 8, 16, 8),
      this.map('hash', LRU_PERCPU_HASH, 40, 8, 5),
      this.map('trie', LPM_TRIE, 8, 16, 8),
      this.map('trie', LPM_TRIE, 12, 8, 8),
    ]
    this.programs = PROG_ARRAY.create(machine, {
      ...PLAIN,
      name: 'programs',
      keySize: 4,
      valueSize: 4,
      maxEntries: PROGRAM_SLOTS,
    })
    machine.addMap(this.programs)
    this.layout = { memory: this.memory, maps, programs: this.programs.address }
    this.cpu.context = packetSource(this.packet)
    this.initial = machine.memory.u8.slice()
    this.changeable = this.initial.subarray(PAGE)
  }

  /** The passes of the JIT that has only some, for the next program. */
  choosePasses(seed: number): void {
    const random = new SeededRandom(seed)
    const passes = Object.keys(NO_PASSES).map((pass) => [pass, random.below(2) === 0])
    // Programs of any size become part of their entries.
    this.chosen = { ...Object.fromEntries(passes), inlineInsns: random.below(2) * 1_000_000 }
  }

  private map(
    kind: WorldMap['kind'],
    definition: MapTypeDefinition,
    keySize: number,
    valueSize: number,
    maxEntries: number,
  ): WorldMap {
    const { machine } = this
    const { memory } = machine
    const flags = kind === 'trie' ? MAP_FLAG.NO_PREALLOC : 0
    const store = definition.create(machine, { ...PLAIN, flags, name: kind, keySize, valueSize, maxEntries })
    machine.addMap(store)
    const key = memory.allocate(64)
    const value = memory.allocate(64)
    let values = 0
    const setKey = (i: number): void => {
      memory.view.setUint32(key, kind === 'trie' ? 8 : i, true)
      // Prefixes none of which is part of another one: between them are as many forks as there can be.
      if (kind === 'trie') memory.view.setUint8(key + 4, i << 5)
    }
    // A hash table makes its slots when it is first filled: from then on it needs no memory.
    for (let i = 0; i < maxEntries; i++) {
      setKey(i)
      for (let j = 0; j < valueSize; j++) memory.u8[value + j] = 16 * i + j
      store.update(key, value, 0, 0)
      const address = store.lookup(key, 0)
      if (i === 0) values = address
    }
    for (let i = 0; (kind === 'hash' || kind === 'trie') && i < maxEntries; i += 2) {
      setKey(i)
      store.delete(key)
    }
    memory.free(value)
    memory.free(key)
    return { kind, address: store.address, keySize, valueSize, maxEntries, values }
  }

  /** Puts everything back, and fills memory and packet from a seed. */
  restart(seed: number, programs: readonly number[]): void {
    const { memory } = this.machine
    if (memory.u8.length !== this.initial.length) throw new Error(`a program made the memory grow: seed ${seed}`)
    memory.u8.set(this.changeable, PAGE)
    // What earlier programs left on the stack.
    memory.u8.fill(0xa5, this.hiddenStart, this.cpu.frameTop(this.cpu.frames))
    fill(memory.view, this.memory, MEMORY_SIZE, seed)
    fill(new DataView(this.packet.buffer), 0, PACKET_SIZE, seed + 1)
    programs.forEach((index, i) => {
      memory.view.setUint32(SCRATCH, i, true)
      memory.view.setUint32(SCRATCH + 4, index + 1, true)
      if (this.programs.update(SCRATCH, SCRATCH + 4, 0, 0) !== 0) throw new Error(`no entry ${i} for program ${index}`)
    })
    memory.u8.fill(0, SCRATCH, SCRATCH + 8)
    this.environment.restart(seed)
  }

  /** A copy of all memory, without what is hidden. */
  snapshot(into: Uint8Array | undefined): Uint8Array {
    const { u8 } = this.machine.memory
    if (into === undefined || into.length !== u8.length) return u8.slice()
    into.set(u8)
    return into
  }

  /** The first address at which the memory differs from a copy of it; undefined if none does. */
  difference(copy: Uint8Array): GuestAddress | undefined {
    const { u8 } = this.machine.memory
    const { hiddenStart, hiddenEnd } = this
    if (u8.length !== copy.length) return Math.min(u8.length, copy.length)
    // The CPU's own block, at the end of page zero, is not the program's.
    const ranges = [
      [0, CPU_BLOCK],
      [PAGE, hiddenStart],
      [hiddenEnd, u8.length],
    ] as const
    for (const [start, end] of ranges) {
      if (same(u8, copy, start, end)) continue
      for (let i = start; i < end; i++) if (u8[i] !== copy[i]) return i
    }
    return undefined
  }
}

/** Bytes of a page; page zero holds nothing. */
const PAGE = 65536
const CPU_BLOCK = cpuBlockOf(0)

const PLAIN = { flags: 0, cpus: 1 } as const

/** Page zero is where the host may put what no program sees before it runs. */
const SCRATCH = 64

function same(a: Uint8Array, b: Uint8Array, start: number, end: number): boolean {
  return Buffer.compare(a.subarray(start, end), b.subarray(start, end)) === 0
}

const WORDS: readonly number[] = [0, 1, -1, 0x7fffffff, -0x80000000, 0x80, 0x8000, 0xffff, 0xff]

/** Random words, edges among them. */
function fill(view: DataView, start: number, size: number, seed: number): void {
  const random = new SeededRandom(seed)
  for (let i = 0; i < size; i += 4) {
    view.setInt32(start + i, random.below(3) === 0 ? random.pick(WORDS) : random.u32() | 0, true)
  }
}

function packetSource(packet: Uint8Array): PacketSource {
  const view = new DataView(packet.buffer)
  return {
    loadPacket: (offset, size) => {
      if (offset < 0 || offset + size > packet.length) return -1
      return size === 1 ? view.getUint8(offset) : size === 2 ? view.getUint16(offset) : view.getUint32(offset)
    },
  }
}
