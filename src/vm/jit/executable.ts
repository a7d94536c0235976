/**
 * A program as an engine has it: compiled for one way of running it.
 * @module
 */
import type { ExecutableProgram } from '../machine.ts'
import type { CodeTable } from './code-table.ts'
import type { Entries } from './entries.ts'
import type { ProgramModule } from './module-source.ts'

export interface Executable extends Entries {
  readonly program: ExecutableProgram
  readonly compiled: ProgramModule
  readonly instance: WebAssembly.Instance
  readonly guard: boolean
  readonly budgeted: boolean
  /** What it calls without knowing; undefined: nothing. */
  readonly table: CodeTable | undefined
}
