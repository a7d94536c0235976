/**
 * Running bare instructions in one call: a piece of memory in, r0 and the memory out.
 * @module
 */
import type { Instruction } from '../isa/instruction.ts'
import { raw } from '../spec/platforms/raw.ts'
import type { Platform } from '../spec/types.ts'
import { pairToU64 } from '../util/int64.ts'
import type { Environment } from './environment.ts'
import { Interpreter, type RunOptions } from './interpreter.ts'
import { Jit } from './jit/jit.ts'
import { justInTime } from './jit/just-in-time.ts'
import type { LinkedProgram } from './linked-program.ts'
import type { HelperDefinition } from './machine.ts'
import { VirtualCpu } from './virtual-cpu.ts'
import { VirtualMachine } from './virtual-machine.ts'

export interface ExecuteRawOptions extends RunOptions, Omit<LinkedProgram, 'name' | 'insns'> {
  /** For messages; default `program`. */
  readonly name?: string
  /** Default `raw`. */
  readonly platform?: Platform
  /** Helpers by number; default none. */
  readonly helpers?: ReadonlyMap<number, HelperDefinition>
  readonly environment?: Environment
  readonly print?: (line: string) => void
  /** Default `interpreter`. */
  readonly engine?: 'interpreter' | 'jit'
  /** What helpers and packet loads find in `cpu.context`. */
  readonly context?: unknown
}

export interface RawResult {
  /** All 64 bits, unsigned. */
  readonly r0: bigint
  /** The memory as the program left it. */
  readonly memory: Uint8Array
  /** Instructions charged to the budget; NaN without one. */
  readonly charged: number
}

/**
 * Runs slot-indexed instructions: r1 is the address of a copy of `memory` (NULL if that is empty), r2 its
 * length. Throws a `BpfFault` for what the program does wrong, ERR_BYTE_ORDER or ERR_LINK for what cannot be run.
 */
export function executeRaw(
  insns: readonly Instruction[],
  memory: Uint8Array = new Uint8Array(0),
  options: ExecuteRawOptions = {},
): RawResult {
  const machine = new VirtualMachine({
    platform: options.platform ?? raw,
    ...(options.helpers === undefined ? {} : { helpers: options.helpers }),
  })
  const cpu = new VirtualCpu({
    machine,
    ...(options.environment === undefined ? {} : { environment: options.environment }),
    ...(options.print === undefined ? {} : { print: options.print }),
  })
  cpu.context = options.context
  const program = machine.addProgram({ ...options, name: options.name ?? 'program', insns })
  const start = memory.length === 0 ? 0 : machine.memory.place(memory)
  if (start !== 0) machine.regions.add({ start, end: start + memory.length, writable: true, name: 'memory' })
  const engine = options.engine === 'jit' ? new Jit(cpu, justInTime()) : new Interpreter(cpu)
  engine.run(program, start, memory.length, options)
  return {
    r0: pairToU64(cpu.registers[0]!, cpu.registers[1]!),
    memory: machine.memory.read(start, memory.length),
    charged: engine.charged,
  }
}
