/**
 * What compiled programs keep in linear memory for each CPU. Offsets in bytes:
 * ```
 *  0 frame   r10 of the function that runs: one past its frame's last byte
 *  8 result  r0 that crosses from JavaScript as two halves
 * 12 high    its upper half; of a packet load: whether the bytes were there
 * 16 tails   tail calls of the invocation so far
 * 20 fuel    the first portion of every invocation's budget
 * 24 runs    invocations with a budget, modulo 2^32
 * 28 record  of a batch: the one that is run
 * ```
 * The blocks lie at the end of page zero, which no program can write: their numbers are trusted.
 * @module
 */
import { AnybpfError } from '../../util/errors.ts'
import { type GuestAddress, PAGE_SIZE } from '../guest-memory.ts'
import type { VirtualCpu } from '../virtual-cpu.ts'

/** So much of page zero reads as zero. */
const LOWEST_BLOCK = PAGE_SIZE / 2

export const CPU_FRAME = 0
export const CPU_RESULT = 8
export const CPU_HIGH = 12
export const CPU_TAIL_CALLS = 16
export const CPU_FUEL = 20
export const CPU_RUNS = 24
export const CPU_RECORD = 28
export const CPU_BLOCK_BYTES = 32

/** Address of the block of a CPU. Throws ERR_USAGE for a number that leaves no room for it. */
export function cpuBlockOf(cpuId: number): GuestAddress {
  const address = PAGE_SIZE - CPU_BLOCK_BYTES * (cpuId + 1)
  if (Number.isInteger(cpuId) && cpuId >= 0 && address >= LOWEST_BLOCK) return address
  throw new AnybpfError(
    'ERR_USAGE',
    `cpu ${cpuId}: the JIT serves CPUs 0 to ${(PAGE_SIZE - LOWEST_BLOCK) / CPU_BLOCK_BYTES - 1}`,
  )
}

/** The block of one CPU, as the host reads and writes it. */
export class CpuBlock {
  readonly address: GuestAddress
  private readonly memory: VirtualCpu['memory']

  /** Throws as {@link cpuBlockOf}. */
  constructor({ id, memory }: VirtualCpu) {
    this.address = cpuBlockOf(id)
    this.memory = memory
  }

  word(offset: number): number {
    return this.memory.i32[(this.address + offset) >>> 2]!
  }

  setWord(offset: number, value: number): void {
    this.memory.i32[(this.address + offset) >>> 2] = value
  }
}
