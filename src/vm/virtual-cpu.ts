/**
 * One logical CPU: its registers, its stack, and what helpers are handed. Engines run programs on it.
 *
 * The stack is one block of the linear memory, a frame for each nested call, lowest call first, each above a guard of its
 * own size, so that a program that runs off its frame meets no other frame:
 *
 * ```
 * | guard | frame 0 | guard | frame 1 | …
 *                   ^ r10 of the first function
 * ```
 * @module
 */
import { AnybpfError } from '../util/errors.ts'
import { type Environment, VirtualEnvironment } from './environment.ts'
import type { GuestAddress, GuestMemory } from './guest-memory.ts'
import type { Cpu, Machine } from './machine.ts'
import { REGISTER_WORDS } from './opcodes.ts'

/** How an engine lets a helper call back into BPF. */
export interface CallEngine {
  callFunction(low: number, high: number, a1: number, a2: number, a3: number, a4: number, a5: number): number
}

export interface VirtualCpuOptions {
  readonly machine: Machine
  /** Default 0. */
  readonly id?: number
  /** Default: a virtual clock, seeded with the id. */
  readonly environment?: Environment
  /** Where lines printed by programs go; default nowhere. */
  readonly print?: (line: string) => void
}

export class VirtualCpu implements Cpu {
  readonly id: number
  readonly machine: Machine
  readonly memory: GuestMemory
  readonly environment: Environment
  context: unknown = undefined
  /** r0 to r10 as pairs (low, high) of words, then the interpreter's own. */
  readonly registers = new Int32Array(REGISTER_WORDS)
  /** Bytes of one frame. */
  readonly frameSize: number
  /** Bytes from one frame to the next. */
  readonly frameStride: number
  /** Nested calls that a program may make that nobody verified, the program's own frame included. */
  readonly frames: number
  /**
   * Frames that the stack has room for. A verified program makes no more nested calls than `frames`, but one that is tail-called from
   * a subprogram begins in that one's frame, and may nest as deep again.
   */
  readonly maxFrames: number
  /** See `Cpu.checked`; engines set it while a program runs that was verified. */
  checked = true
  /** Frames that are live; 0 while no program runs. */
  depth = 0
  /** Who has set everything here for its next run, and need not do it again; undefined: nobody. */
  armed: unknown = undefined
  /** The engine that runs a program now. */
  engine: CallEngine | undefined = undefined
  private readonly stack: GuestAddress
  private readonly onPrint: (line: string) => void

  constructor(options: VirtualCpuOptions) {
    const { machine } = options
    const { stackSize, callDepth, tailCalls } = machine.platform.limits
    this.id = options.id ?? 0
    this.machine = machine
    this.memory = machine.memory
    this.environment = options.environment ?? new VirtualEnvironment({ seed: this.id + 1 })
    this.onPrint = options.print ?? (() => {})
    this.frameSize = (stackSize + 7) & ~7
    this.frameStride = 2 * this.frameSize
    this.frames = callDepth
    this.maxFrames = callDepth * (tailCalls + 1)
    const size = this.frameStride * this.maxFrames
    this.stack = this.memory.allocate(size)
    machine.regions.add({
      start: this.stack,
      end: this.stack + size,
      writable: true,
      name: 'stack',
      covers: (start, length) => this.isLiveStack(start, length),
    })
  }

  /** What r10 is in the frame of the given depth (1 is the first): one past the frame's last byte. */
  frameTop(depth: number): GuestAddress {
    return this.stack + depth * this.frameStride
  }

  /** The depth of the frame with this top. */
  depthOf(frameTop: GuestAddress): number {
    return Math.floor((frameTop - this.stack) / this.frameStride)
  }

  private isLiveStack(start: GuestAddress, length: number): boolean {
    const index = Math.floor((start - this.stack) / this.frameStride)
    const inFrame = start - this.stack - index * this.frameStride - this.frameSize
    return index < this.depth && inFrame >= 0 && inFrame + length <= this.frameSize
  }

  print(line: string): void {
    this.onPrint(line)
  }

  argHigh(n: number): number {
    return this.registers[2 * n + 1]!
  }

  setResult(low: number, high: number): void {
    this.registers[0] = low
    this.registers[1] = high
  }

  callFunction(low: number, high: number, a1: number, a2 = 0, a3 = 0, a4 = 0, a5 = 0): number {
    if (this.engine === undefined) throw new AnybpfError('ERR_USAGE', 'a BPF function can be called only by a helper')
    return this.engine.callFunction(low, high, a1, a2, a3, a4, a5)
  }

  /** Gives the stack back. */
  dispose(): void {
    this.machine.regions.remove(this.stack)
    this.memory.free(this.stack)
  }
}
