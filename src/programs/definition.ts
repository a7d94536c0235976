/**
 * A program type: data plus functions that build its context and read its verdict. Built-in ones and a user's own take
 * the same route.
 * @module
 */
import type { ProgramTypeSpec } from '../spec/types.ts'
import type { GuestAddress } from '../vm/guest-memory.ts'
import type { Machine } from '../vm/machine.ts'
import type { ContextBatch } from './batch.ts'

/** The arguments of the program's entry: r1 and r2. */
export interface EntryArguments {
  readonly r1: GuestAddress
  readonly r2: number
}

/**
 * The memory of one context, made once per program and CPU and used for every run: nothing is allocated per run.
 * `Input` is what a caller hands to `run`, `Output` what it gets back besides r0.
 */
export interface ContextInstance<Input, Output> {
  /** What helpers find in `cpu.context`. */
  readonly context: unknown
  /** Lays the input out in memory. */
  prepare(input: Input): EntryArguments
  /**
   * Reads what the program left: packet, changed fields, redirect target. `r0` is the low 32 bits, unsigned. A new object each
   * time: `retval` is added to it.
   */
  collect(r0: number): Output
  /** Absent: the inputs of a batch are laid out one after the other. */
  createBatch?(): ContextBatch<Input, Output>
  dispose(): void
}

/** A program type as it runs: of its data no more than the names, so that what only a verifier needs can be left out of a bundle. */
export interface RunnableProgramType<Input = unknown, Output = unknown> {
  readonly spec: Pick<ProgramTypeSpec, 'name' | 'verdicts'>
  /** Bytes of the context in a record of a batch, a multiple of 8; default: there is none, r1 and r2 are given. */
  readonly contextBytes?: number
  createContext(machine: Machine): ContextInstance<Input, Output>
}

export interface ProgramTypeDefinition<Input = unknown, Output = unknown> extends RunnableProgramType<Input, Output> {
  readonly spec: ProgramTypeSpec
}
