/**
 * The ways from the host into a compiled program: exports that take and give 32 bits.
 *
 * - `enter(r1, r2)` runs it in the first frame, `run(r1, r2)` too and leaves the upper half of r0 in the CPU's block.
 * - `repeat(r1, r2, count)` runs it so many times on what the run before left, and gives the last result.
 * - `batch(record, count)` runs it once for each of so many records, see `batch-layout.ts`.
 * - For each function whose address the program takes, one (`invokeName`) that calls it with r1 to r5 in the frame that the caller
 *   has opened, as `run` does.
 * @module
 */

import { RECORD_CONTEXT, RECORD_R1, RECORD_R2, RECORD_RESULT, recordBytes } from '../batch-layout.ts'
import type { CodePlaces } from './compile-function.ts'
import { CPU_FRAME, CPU_FUEL, CPU_HIGH, CPU_RECORD, CPU_RUNS, CPU_TAIL_CALLS } from './cpu-block.ts'
import { ARGUMENTS, type ModuleScope } from './function-state.ts'
import { FunctionWriter } from './function-writer.ts'
import { invokeName } from './module-source.ts'
import type { ValueType, WasmModule } from './wasm-module.ts'
import { OP } from './wasm-opcodes.ts'

export interface Entries {
  run(r1: number, r2: number): number
  enter(r1: number, r2: number): number
  repeat(r1: number, r2: number, count: number): number
  batch(record: number, count: number): void
}

/** The function that a program begins with, as entries enter it. */
export interface Main {
  /** Leaves r0 on the stack. `r1` and `r2` are locals of 32 bits. Says which instructions the code comes from, if it is not a call. */
  enter(w: FunctionWriter, r1: number, r2: number): CodePlaces | undefined
}

/** Makes the entries of a program. `contextBytes`: of the context in a record; `places` is told of the code. */
export function defineEntries(
  module: WasmModule,
  scope: ModuleScope,
  main: Main,
  contextBytes: number,
  places: Map<number, CodePlaces>,
): void {
  for (const name of ['run', 'enter'] as const) {
    define(module, name, 2, ['i32'], places, (w) => {
      beginRun(w, scope)
      const code = main.enter(w, 0, 1)
      if (name === 'run') leaveResult(w, scope)
      else w.op(OP.i32_wrap_i64)
      return code
    })
  }
  define(module, 'repeat', 3, ['i32'], places, (w) => writeRepeat(w, scope, main))
  define(module, 'batch', 2, [], places, (w) => writeBatch(w, scope, main, contextBytes))
}

function define(
  module: WasmModule,
  name: string,
  params: number,
  results: readonly ValueType[],
  places: Map<number, CodePlaces>,
  write: (w: FunctionWriter) => CodePlaces | undefined,
): void {
  const index = module.declareFunction({ params: new Array<ValueType>(params).fill('i32'), results }, name)
  const w = new FunctionWriter(params)
  const code = write(w)
  if (code !== undefined) places.set(index, code)
  w.end()
  module.defineFunction(index, w.finish())
}

function writeRepeat(w: FunctionWriter, scope: ModuleScope, main: Main): CodePlaces | undefined {
  const count = 2
  const result = w.local('i32')
  openFirstFrame(w, scope)
  w.loop()
  if (scope.options.guard) openFirstFrame(w, scope)
  resetCounts(w, scope)
  const code = main.enter(w, 0, 1)
  w.op(OP.i32_wrap_i64)
  w.set(result)
  again(w, count)
  w.end()
  w.get(result)
  return code
}

function writeBatch(w: FunctionWriter, scope: ModuleScope, main: Main, contextBytes: number): CodePlaces | undefined {
  const [record, count] = [0, 1]
  const r1 = w.local('i32')
  const r2 = w.local('i32')
  openFirstFrame(w, scope)
  w.loop()
  if (scope.options.guard) openFirstFrame(w, scope)
  resetCounts(w, scope)
  w.address(scope.target.cpuBlock)
  w.get(record)
  w.memory(OP.i32_store, CPU_RECORD)
  if (contextBytes > 0) {
    w.get(record)
    w.i32(RECORD_CONTEXT)
    w.op(OP.i32_add)
    w.set(r1)
  } else {
    w.get(record)
    w.memory(OP.i32_load, RECORD_R1)
    w.set(r1)
    w.get(record)
    w.memory(OP.i32_load, RECORD_R2)
    w.set(r2)
  }
  w.get(record)
  const code = main.enter(w, r1, r2)
  w.memory(OP.i64_store32, RECORD_RESULT)
  w.get(record)
  w.i32(recordBytes(contextBytes))
  w.op(OP.i32_add)
  w.set(record)
  again(w, count)
  w.end()
  return code
}

/** The way into the function at a slot. */
export function defineInvoke(
  module: WasmModule,
  scope: ModuleScope,
  slot: number,
  places: Map<number, CodePlaces>,
): void {
  define(module, invokeName(slot), ARGUMENTS, ['i32'], places, (w) => {
    for (let i = 0; i < ARGUMENTS; i++) {
      w.get(i)
      w.op(OP.i64_extend_i32_u)
    }
    w.call(scope.functionAt(slot)!.index)
    leaveResult(w, scope)
    return undefined
  })
}

/** What every invocation begins with. */
function beginRun(w: FunctionWriter, scope: ModuleScope): void {
  openFirstFrame(w, scope)
  resetCounts(w, scope)
}

/** The frame is open again after a run; one that nobody verified may have written anywhere. */
function openFirstFrame(w: FunctionWriter, { target }: ModuleScope): void {
  w.address(target.cpuBlock)
  w.address(target.firstFrame)
  w.memory(OP.i32_store, CPU_FRAME)
}

function resetCounts(w: FunctionWriter, { target, options, fuel, hasTable }: ModuleScope): void {
  if (hasTable) {
    w.address(target.cpuBlock)
    w.i32(0)
    w.memory(OP.i32_store, CPU_TAIL_CALLS)
  }
  if (!options.budget) return
  w.address(target.cpuBlock)
  w.memory(OP.i32_load, CPU_FUEL)
  w.globalSet(fuel)
  w.address(target.cpuBlock)
  w.address(target.cpuBlock)
  w.memory(OP.i32_load, CPU_RUNS)
  w.i32(1)
  w.op(OP.i32_add)
  w.memory(OP.i32_store, CPU_RUNS)
}

/** Calls the function that a program begins with. */
export function callMain(w: FunctionWriter, r1: number, r2: number, main: number): void {
  for (const argument of [r1, r2]) {
    w.get(argument)
    w.op(OP.i64_extend_i32_u)
  }
  for (let i = 0; i < 3; i++) w.i64(0)
  w.call(main)
}

/** The way back to the loop's beginning, unless that was the last time. */
function again(w: FunctionWriter, count: number): void {
  w.get(count)
  w.i32(1)
  w.op(OP.i32_sub)
  w.tee(count)
  w.brIf(0)
}

/** r0 is on the stack: its lower half takes its place. */
function leaveResult(w: FunctionWriter, { target }: ModuleScope): void {
  const result = w.local('i64')
  w.set(result)
  w.address(target.cpuBlock)
  w.get(result)
  w.i64(32)
  w.op(OP.i64_shr_u)
  w.memory(OP.i64_store32, CPU_HIGH)
  w.get(result)
  w.op(OP.i32_wrap_i64)
}
