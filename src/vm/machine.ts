/**
 * The interfaces by which engines, maps, helpers and program types know each other. An engine depends on these, and on
 * none of the modules that implement them.
 * @module
 */
import type { HelperSpec, Platform } from '../spec/types.ts'
import type { Environment } from './environment.ts'
import type { GuestAddress, GuestMemory } from './guest-memory.ts'
import type { LinkedProgram } from './linked-program.ts'
import type { RegionSet } from './regions.ts'

/**
 * A map as programs and helpers see it. Keys and values are passed as guest addresses; results are 0 or a negative
 * errno. No method throws.
 */
export interface MapStore {
  /** Address of the map's control block: what a map pointer in a program is. */
  readonly address: GuestAddress
  readonly name: string
  readonly typeId: number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  /**
   * KIND_* of the guest layout, where the guest runtime's functions do what the methods do: compiled programs call those, and
   * `address` is that of a control block of this kind. Absent: the methods are called, and what lies at `address` is the store's own
   * affair. Only if it is to be an element of a map of maps, whose programs learn in the run what they have got, must the first 4
   * bytes there be zero (KIND_CUSTOM) as long as the store lives.
   */
  readonly kind?: number
  /** Makes regions of memory that such calls have added; true if there was any. */
  noteRegions?(): boolean
  /** How many copies a per-CPU map has; absent or 1: one. */
  readonly cpus?: number
  /** Address of the value, or 0. `cpu` chooses the copy of a per-CPU map. */
  lookup(key: GuestAddress, cpu: number): GuestAddress
  /** `flags`: 0 any, 1 only if new, 2 only if there. */
  update(key: GuestAddress, value: GuestAddress, flags: number, cpu: number): number
  delete(key: GuestAddress): number
}

/** A program that is ready to run, in one slot of the machine's program table. */
export interface ExecutableProgram {
  readonly name: string
  /** The slot in the program table: what a prog_array stores. */
  readonly index: number
  /** What was linked: engines make their own form of it. */
  readonly linked: LinkedProgram
  /** The low half of the code address of each function whose address the program takes, by its first slot. */
  readonly codeIndices: ReadonlyMap<number, number>
}

/** A function whose address a program takes: what a code address names. */
export interface CodeEntry {
  readonly program: ExecutableProgram
  /** Slot of the function's first instruction. */
  readonly slot: number
}

/** What all CPUs of one runtime share. */
export interface Machine {
  readonly platform: Platform
  readonly memory: GuestMemory
  readonly regions: RegionSet
  /** Maps by the address of their control block. */
  readonly maps: ReadonlyMap<GuestAddress, MapStore>
  /** Programs by slot; a slot that was released is undefined. */
  readonly programs: readonly (ExecutableProgram | undefined)[]
  readonly helpers: ReadonlyMap<number, HelperDefinition>
  /** Functions by the low half of their code address (see `code-address.ts`). */
  readonly codeEntries: ReadonlyMap<number, CodeEntry>
  /** Told of every program that is removed, so that nobody takes another one in its slot for it. */
  readonly onRemoval: Set<(program: ExecutableProgram) => void>
}

/** What LD_ABS and LD_IND read: a context that is a packet implements it. */
export interface PacketSource {
  /**
   * `size` bytes (1, 2 or 4) of the packet at `offset`, from network byte order, as an unsigned number; -1 if they are
   * not there (the program then exits with 0). `offset` is signed: Linux gives meaning to some negative ones.
   */
  loadPacket(offset: number, size: number): number
}

export function isPacketSource(context: unknown): context is PacketSource {
  return typeof (context as Partial<PacketSource> | null | undefined)?.loadPacket === 'function'
}

/**
 * One logical CPU: what a helper is handed. Everything that belongs to the invocation in progress is reached from here.
 */
export interface Cpu {
  readonly id: number
  readonly machine: Machine
  readonly memory: GuestMemory
  readonly environment: Environment
  /** False: the program was verified, and helpers need not test what it hands them against the machine's regions. */
  readonly checked?: boolean
  /** What the program type made for this invocation (packet, metadata …); helpers narrow it by `instanceof`. */
  context: unknown
  /** Where `trace_printk` goes: one call a line, without the line break. */
  print(line: string): void
  /**
   * The upper 32 bits of argument `n` (1 to 5), which the helper's spec declares, with 64 bits: of any other argument this is what an
   * earlier call left, or 0, for compiled programs hand over no more than a helper declares.
   */
  argHigh(n: number): number
  /** Sets all 64 bits of r0, for helpers that return `u64`. */
  setResult(low: number, high: number): void
  /**
   * Calls a BPF function from a helper (`bpf_loop`, `for_each_map_elem`, timers): `low` and `high` are the halves of its
   * code address, the arguments are zero-extended to 64 bits. Returns the low 32 bits of its r0, signed. The frame
   * counts towards the call depth, its instructions towards the budget; faults of the callee pass through.
   */
  callFunction(low: number, high: number, a1: number, a2?: number, a3?: number, a4?: number, a5?: number): number
}

/**
 * What a helper does. Arguments are the low 32 bits of r1 to r5, as signed numbers (`>>> 0` makes an address of one), as many as
 * `spec.args` declares: those beyond it are not defined (0, where the program is compiled). The upper half of one that is declared
 * with 64 bits is `cpu.argHigh(n)`. The
 * result becomes r0 as `spec.returns` says, and is ignored for `u64` and `void`. The result of a tail call is the slot of
 * the program to run, or -1 to go on.
 */
export type HelperFunction = (cpu: Cpu, r1: number, r2: number, r3: number, r4: number, r5: number) => number

export type MapOperation = 'lookup' | 'update' | 'delete'

/**
 * What some helpers do: an operation on the map of the first argument; `loop` what `bpf_loop` does; `processor` tells the number of
 * the CPU.
 */
export type HelperOperation = MapOperation | 'loop' | 'processor'

/** A helper: data plus a function. Built-in ones and a user's own take the same route. */
export interface HelperDefinition {
  readonly spec: HelperSpec
  readonly call: HelperFunction
  /** It does no more than this: an engine may do that itself. */
  readonly operation?: HelperOperation
  /**
   * `arguments`: it reads no memory but what its specification says it is handed. Default: it may read any, also at addresses that it is
   * given as numbers, so that a program's frames must not hold what earlier runs left.
   */
  readonly reads?: 'arguments'
}
