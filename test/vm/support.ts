/**
 * What the tests of the machine share: a machine with one region of memory, and programs from assembler text.
 * @module
 */
import { assemble } from '../../src/isa/index.ts'
import { raw } from '../../src/spec/platforms/raw.ts'
import type { ReturnWidth } from '../../src/spec/types.ts'
import {
  BpfFault,
  type ExecutableProgram,
  type ExecuteRawOptions,
  type HelperDefinition,
  type HelperFunction,
  Interpreter,
  Jit,
  justInTime,
  type LinkedProgram,
  type RunOptions,
  VirtualCpu,
  VirtualMachine,
} from '../../src/vm/index.ts'
import { executeRawOnAll } from '../support/both-engines.ts'

export const ENGINES = ['interpreter', 'jit'] as const
export type Engine = (typeof ENGINES)[number]

/** A helper for a test: `returns` decides what r0 becomes. */
export function helper(id: number, returns: ReturnWidth, call: HelperFunction, tailCall = false): HelperDefinition {
  return { spec: { id, name: `helper${id}`, args: [64, 64, 64, 64, 64], returns, tailCall }, call }
}

export class Bench {
  readonly machine: VirtualMachine
  readonly cpu: VirtualCpu
  readonly interpreter: Interpreter
  private readonly jit: Jit | undefined

  constructor(helpers: readonly HelperDefinition[] = [], engine: Engine = 'interpreter') {
    this.machine = new VirtualMachine({ platform: raw, helpers: new Map(helpers.map((one) => [one.spec.id, one])) })
    this.cpu = new VirtualCpu({ machine: this.machine })
    this.interpreter = new Interpreter(this.cpu)
    this.jit = engine === 'jit' ? new Jit(this.cpu, justInTime()) : undefined
  }

  /** Runs on the engine of this bench; checked runs are the interpreter's. */
  run(program: ExecutableProgram, r1: number, r2: number, options: RunOptions = {}): number {
    if (this.jit === undefined || options.checked === true) return this.interpreter.run(program, r1, r2, options)
    return this.jit.run(program, r1, r2, options)
  }

  add(text: string, more: Partial<LinkedProgram> = {}): ExecutableProgram {
    return this.machine.addProgram({ name: 'test', insns: assemble(text), ...more })
  }
}

/** r0 of a program of assembler text, all 64 bits. */
export function r0(text: string, memory?: Uint8Array, options?: ExecuteRawOptions): bigint {
  return executeRawOnAll(assemble(text), memory, options).r0
}

/** The fault that `work` throws; fails if it throws none. */
export function faultOf(work: () => unknown): BpfFault {
  try {
    work()
  } catch (error) {
    if (error instanceof BpfFault) return error
    throw error
  }
  throw new Error('no fault')
}
