/**
 * Modules that are compiled when they are asked for: addresses are known by then, and constants of the code.
 * @module
 */
import { MAP_DATA } from '../guest-layout.ts'
import type { ExecutableProgram, MapStore } from '../machine.ts'
import { type CompiledProgram, compileProgram } from './compile-program.ts'
import type { ModuleRequest, ModuleSource } from './module-source.ts'
import type { JitPasses, JitTarget, TargetMap } from './target.ts'

/** Compiles each program for the CPU that it will run on. */
export function justInTime(passes: JitPasses = {}): ModuleSource {
  return (program, request) => {
    const compiled = translate(program, request, passes)
    return { ...compiled, module: new WebAssembly.Module(compiled.bytes), id: request.id }
  }
}

/** The module of a program, in bytes: what there is before the engine has seen it. */
export function translate(program: ExecutableProgram, request: ModuleRequest, passes: JitPasses = {}): CompiledProgram {
  const { budget, guard, id } = request
  return compileProgram(program, liveTarget(request), { budget, guard, passes }, id)
}

function liveTarget({ cpu, block }: ModuleRequest): JitTarget {
  const { memory, machine } = cpu
  return {
    cpuBlock: block,
    cpuId: cpu.id,
    frameSize: cpu.frameSize,
    frameStride: cpu.frameStride,
    firstFrame: cpu.frameTop(1),
    lastFrame: cpu.frameTop(cpu.frames),
    shared: memory.shared,
    tailCalls: machine.platform.limits.tailCalls,
    helpers: machine.helpers,
    address: ({ source, imm, imm2 }) => (source === 'imm64' && imm2 === 0 ? imm >>> 0 : undefined),
    map: (address) => {
      const store = typeof address === 'number' ? machine.maps.get(address) : undefined
      return store === undefined ? undefined : liveMap(store, memory.u32)
    },
    codeIndex: (program, slot) => program.codeIndices.get(slot),
  }
}

/** `words`: of the linear memory, which control blocks are read from. */
function liveMap(store: MapStore, words: Uint32Array): TargetMap {
  const { kind, keySize, valueSize, maxEntries, address } = store
  const field = (offset: number): number => words[(address + offset) >>> 2]!
  return { kind, keySize, valueSize, maxEntries, address, data: field(MAP_DATA), field }
}
