/**
 * The virtual machine: linear memory, regions, the machine and its CPUs, and the engines that run programs on them.
 * @module
 */
export * from './code-address.ts'
export * from './environment.ts'
export * from './execute-raw.ts'
export * from './fault.ts'
export * from './guest-memory.ts'
export { Interpreter, type RunOptions, type TraceHook } from './interpreter.ts'
export { Jit, type JitRunOptions } from './jit/jit.ts'
export { justInTime } from './jit/just-in-time.ts'
export type { ModuleRequest, ModuleSource, ProgramModule } from './jit/module-source.ts'
export type { Runner } from './jit/runner.ts'
export type { JitPasses } from './jit/target.ts'
export { DEFAULT_BUDGET, MAY_GOTO_LIMIT } from './limits.ts'
export * from './linked-program.ts'
export { type LoweredProgram, type LoweringOptions, lowerProgram } from './lowering.ts'
export * from './machine.ts'
export * from './regions.ts'
export * from './virtual-cpu.ts'
export * from './virtual-machine.ts'
export type { WasmMemory, WasmModule } from './wasm-types.ts'
