/**
 * The engine's source of modules where nothing may be compiled: those that a build has made.
 * @module
 */
import { decodeProgram } from '../isa/decode.ts'
import type { Instruction } from '../isa/instruction.ts'
import { AnybpfError, decodeUtf8 } from '../util/index.ts'
import { aheadAddresses } from '../vm/jit/ahead-addresses.ts'
import type { ModuleSource } from '../vm/jit/module-source.ts'
import type { MapStore } from '../vm/machine.ts'
import type { WasmModule } from '../vm/wasm-types.ts'
import type { BuiltObject, BuiltProgram } from './built-object.ts'
import { bytesToPlaces, type CodePlace, readSection, SECTION } from './sections.ts'

/** A module with what was said of it when it was built. */
export interface BuiltModule {
  readonly name: string
  readonly module: WasmModule
  readonly built: BuiltProgram
  /** Wide loads name maps by index. */
  readonly insns: readonly Instruction[]
}

/** Throws ERR_USAGE for what is no module, ERR_FORMAT for one that is not the program's, or not of this build. */
export function openModule(name: string, module: unknown, { build, programs }: BuiltObject): BuiltModule {
  const what = `program ${name}`
  if (!isModule(module)) {
    throw new AnybpfError('ERR_USAGE', `${what}: a WebAssembly.Module is wanted, compiled from its .wasm file`)
  }
  if (decodeUtf8(readSection(what, module, SECTION.build)) !== `${build} ${name}`) {
    throw new AnybpfError('ERR_FORMAT', `${what}: the module is of another program, or of another build`)
  }
  const insns = decodeProgram(readSection(what, module, SECTION.code), 'little')
  return { name, module, built: programs[name]!, insns }
}

/** Throws ERR_USAGE for what is no module, ERR_FORMAT for one that is not the guest runtime that the programs were built for. */
export function checkRuntime(module: unknown, { runtime }: BuiltObject): void {
  if (!isModule(module)) {
    throw new AnybpfError('ERR_USAGE', 'runtime: a WebAssembly.Module is wanted, compiled from runtime.wasm')
  }
  if (decodeUtf8(readSection('runtime', module, SECTION.runtime)) !== runtime) {
    throw new AnybpfError('ERR_FORMAT', 'runtime: the module is the runtime.wasm of another version of anybpf')
  }
}

/** Modules may come from another realm, whose `WebAssembly.Module` is another class. */
function isModule(value: unknown): value is WasmModule {
  return Object.prototype.toString.call(value) === '[object WebAssembly.Module]'
}

/** `modules`: by the name of the program. `maps`: in the order of the build. */
export function builtModules(
  modules: ReadonlyMap<string, BuiltModule>,
  maps: readonly Pick<MapStore, 'address'>[],
): ModuleSource {
  return (program, { cpu, block, budget }) => {
    const found = modules.get(program.name)
    if (found === undefined) throw new AnybpfError('ERR_INTERNAL', `${program.name}: no module`)
    const { built, module } = found
    if (budget && built.budget === undefined) {
      throw new AnybpfError(
        'ERR_USAGE',
        `${program.name}: built without a budget, so that no run can have one: build it with --budget N`,
      )
    }
    const { id, helpers, runtime, exported } = built
    const slotAt = placeFinder(program.name, module)
    return { id, module, helpers, runtime, exported, addresses: aheadAddresses(program, maps, cpu, block), slotAt }
  }
}

/** Reads the section when a place is asked for: after a fault. */
function placeFinder(name: string, module: WasmModule): (offset: number) => number | undefined {
  let places: CodePlace[] | undefined
  return (offset) => {
    places ??= bytesToPlaces(readSection(`program ${name}`, module, SECTION.places))
    let found: number | undefined
    for (const place of places) {
      if (place.offset > offset) break
      found = place.slot
    }
    return found
  }
}
