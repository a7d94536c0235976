/**
 * Where the engine has the modules of programs from: a compiler, or a build that was made ahead of time.
 * @module
 */
import type { GuestAddress } from '../guest-memory.ts'
import type { ExecutableProgram } from '../machine.ts'
import type { VirtualCpu } from '../virtual-cpu.ts'
import type { WasmModule } from '../wasm-types.ts'
import type { CompiledProgram } from './compile-program.ts'

/** What is asked for: the module of a program, for one way of running it on one CPU. */
export interface ModuleRequest {
  readonly cpu: VirtualCpu
  /** Address of the CPU's block, see `cpu-block.ts`. */
  readonly block: GuestAddress
  /** Charges a budget of instructions. */
  readonly budget: boolean
  /** Nobody verified the program. */
  readonly guard: boolean
  /** A number for the module's name that no other module of this engine has. */
  readonly id: number
}

export interface ProgramModule extends Omit<CompiledProgram, 'bytes'> {
  readonly module: WasmModule
  /** The number in the module's name. */
  readonly id: number
  /** What it was compiled from, if that was now. */
  readonly bytes?: Uint8Array
  /** The addresses that it imports, by name. */
  readonly addresses?: Readonly<Record<string, GuestAddress>>
}

/** Throws an `AnybpfError` for a program of which there is no such module. */
export type ModuleSource = (program: ExecutableProgram, request: ModuleRequest) => ProgramModule

/** Name of the export of the function at a slot. */
export function exportName(slot: number): string {
  return `f${slot}`
}

/** Name of the export that calls the function at a slot with numbers of 32 bits. */
export function invokeName(slot: number): string {
  return `i${slot}`
}

/** Name of the export that is the program's table; absent if it needs none. */
export const TABLE_NAME = 'table'
/** Name of the export that says which programs are in that table. */
export const TAIL_CALLS_NAME = 'tail_calls'

/** The part of a module's name that tells them apart in a stack trace. */
export function moduleName(id: number): string {
  return `anybpf-${id}`
}
