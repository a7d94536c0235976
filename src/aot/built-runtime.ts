/**
 * The runtime of one object that was built ahead of time: its memory, its maps and its programs, without anything that reads
 * objects, verifies or compiles.
 * @module
 */

import type { Btf } from '../btf/btf.ts'
import type { NamedHelper } from '../helpers/definition.ts'
import { Collection } from '../loader/collection.ts'
import {
  type AnyRunnableProgramType,
  collectDefinitions,
  type Definitions,
  type Extension,
} from '../loader/definitions.ts'
import { createLiveMap, fillSlots, LiveMaps, type MapHost } from '../loader/live-map.ts'
import { Program, type ProgramHost } from '../loader/program.ts'
import type { BpfMap } from '../maps/bpf-map.ts'
import type { InitialSlot, MapSpec } from '../object/spec.ts'
import type { PacketInput, PacketOutput } from '../programs/input.ts'
import type { HelperSpec, MapTypeSpec } from '../spec/types.ts'
import { AnybpfError } from '../util/index.ts'
import { ANYTHING, COUNT, checkOptions, FUNCTION, NUMBER, OBJECT, type OptionTable } from '../util/options.ts'
import { BaseMachine } from '../vm/base-machine.ts'
import { type Environment, VirtualEnvironment } from '../vm/environment.ts'
import { Jit } from '../vm/jit/jit.ts'
import { LinearMemory } from '../vm/linear-memory.ts'
import type { HelperDefinition } from '../vm/machine.ts'
import { VirtualCpu } from '../vm/virtual-cpu.ts'
import type { WasmModule } from '../vm/wasm-types.ts'
import { decodeBase64 } from './base64.ts'
import { type BuiltModule, builtModules, checkRuntime, openModule } from './built-modules.ts'
import { type BuiltMap, type BuiltMapShape, type BuiltObject, FORMAT } from './built-object.ts'
import { bindMaps } from './map-indices.ts'
import { bytesToLines, readSection, SECTION } from './sections.ts'
import { builtTypesToBtf } from './types.ts'

export interface InstantiateOptions<Name extends string = string> {
  /** `runtime.wasm`, compiled. */
  readonly runtime: WasmModule
  /** The programs' `.wasm` files, compiled; all of them. */
  readonly programs: Readonly<Record<Name, WasmModule>>
  /** Time, randomness, task. Default: virtual and seeded, see `VirtualEnvironment`. */
  readonly environment?: Environment
  /** Called with each line that a program prints (`bpf_printk`); default nowhere. */
  readonly print?: (line: string) => void
  /** Upper bound of the linear memory, bytes; default 1 GiB. */
  readonly memoryLimit?: number
  /** Seed of the hash tables' function. Give a secret one where keys come from somebody who may want them to collide. */
  readonly hashSeed?: number
}

/** What the runtime of a built object knows how to do: what a generated module names, and no more. */
export interface BuiltDefinitions extends Pick<Extension, 'mapTypes'> {
  readonly programTypes?: readonly AnyRunnableProgramType[]
  readonly helpers: readonly NamedHelper[]
}

/**
 * Makes maps and programs of a built object; for the module that the build has written. Compiles nothing. Throws ERR_FORMAT for
 * modules that do not belong together, ERR_USAGE for what is no module or missing, ERR_MAP, ERR_NO_MEMORY.
 */
export function instantiateBuilt(
  object: BuiltObject,
  definitions: BuiltDefinitions,
  options: InstantiateOptions,
): Collection {
  if (object.format !== FORMAT) {
    throw new AnybpfError(
      'ERR_FORMAT',
      `built in format ${object.format}, and this anybpf has format ${FORMAT}: build it again with this version`,
    )
  }
  checkInstantiate(options)
  checkRuntime(options.runtime, object)
  const modules = new Map(
    Object.keys(object.programs).map((name) => [name, openModule(name, options.programs[name], object)]),
  )
  const runtime = new BuiltRuntime(object, definitions, options, modules)
  try {
    return runtime.load()
  } catch (error) {
    runtime.dispose()
    throw error
  }
}

const INSTANTIATE_OPTIONS: OptionTable<InstantiateOptions> = {
  // What modules have to be is tested where they are opened.
  runtime: ANYTHING,
  programs: OBJECT,
  environment: OBJECT,
  print: FUNCTION,
  memoryLimit: COUNT,
  hashSeed: NUMBER,
}

/** JavaScript may hand in anything. */
function checkInstantiate(options: Partial<InstantiateOptions> | null | undefined): void {
  if (typeof options !== 'object' || options === null) {
    throw new AnybpfError('ERR_USAGE', 'instantiate wants { runtime, programs }: the compiled modules')
  }
  if (typeof options.programs !== 'object' || options.programs === null) {
    throw new AnybpfError(
      'ERR_USAGE',
      'programs: an object is wanted, with a WebAssembly.Module under the name of each',
    )
  }
  checkOptions<Partial<InstantiateOptions>>('instantiate', options, INSTANTIATE_OPTIONS)
}

class BuiltRuntime implements ProgramHost, MapHost {
  readonly machine: BaseMachine
  readonly definitions: Definitions
  private readonly programTypes: readonly AnyRunnableProgramType[]
  readonly platform: MapHost['platform']
  readonly interpreter: ProgramHost['interpreter']
  readonly jit: Jit
  private readonly object: BuiltObject
  private readonly modules: ReadonlyMap<string, BuiltModule>
  private readonly cpu: VirtualCpu
  /** In the order of the build. */
  private readonly maps: BpfMap[] = []
  readonly liveMaps: LiveMaps
  private readonly btf: Btf | undefined

  constructor(
    object: BuiltObject,
    definitions: BuiltDefinitions,
    options: InstantiateOptions,
    modules: ReadonlyMap<string, BuiltModule>,
  ) {
    this.object = object
    this.modules = modules
    const { mapTypes = [], programTypes = [] } = definitions
    this.definitions = collectDefinitions([{ mapTypes }])
    this.programTypes = programTypes
    this.btf = object.types.length === 0 ? undefined : builtTypesToBtf(object.types)
    const { name, limits } = object.platform
    const types = new Map(
      Object.entries(object.mapTypes).map(([id, type]) => [Number(id), this.mapType(Number(id), type)]),
    )
    this.platform = { name, mapTypes: types }
    const helpers = new Map(
      Object.entries(object.helpers).map(([id, { name, ...helper }]) => {
        return [Number(id), helperOf(definitions, { id: Number(id), name, ...helper })] as const
      }),
    )
    this.machine = new BaseMachine({
      platform: { name, limits, mapTypes: types, helpers: new Map(), programTypes: new Map() },
      memory: new LinearMemory({
        module: options.runtime,
        ...(options.memoryLimit !== undefined && { limit: options.memoryLimit }),
        ...(options.hashSeed !== undefined && { hashSeed: options.hashSeed }),
      }),
      helpers,
    })
    this.liveMaps = new LiveMaps(this.machine)
    const cpu = new VirtualCpu({
      machine: this.machine,
      environment: options.environment ?? new VirtualEnvironment(),
      ...(options.print !== undefined && { print: options.print }),
    })
    this.cpu = cpu
    this.jit = new Jit(cpu, builtModules(modules, this.maps), false)
    this.interpreter = {
      cpu,
      assertIdle: (program) => this.jit.assertIdle(program),
      run: (program) => {
        throw new AnybpfError('ERR_USAGE', `${program.name}: a build has no interpreter`)
      },
    }
  }

  load(): Collection {
    const maps: Record<string, BpfMap> = Object.create(null)
    for (const [name, built] of Object.entries(this.object.maps)) {
      maps[name] = this.createMap(name, built)
      this.maps.push(maps[name])
    }
    const programs: Record<string, Program<PacketInput, PacketOutput>> = Object.create(null)
    for (const [name, module] of this.modules) programs[name] = this.createProgram(module)
    const live = new Map(Object.entries(maps))
    for (const [name, { slots = [] }] of Object.entries(this.object.maps)) {
      fillSlots(maps[name]!, slots.map(initialSlot), live, programs)
    }
    return new Collection(programs, maps, () => this.dispose())
  }

  private createProgram({ name, module, built, insns }: BuiltModule): Program<PacketInput, PacketOutput> {
    const { type, verified, budget } = built
    const definition = this.programTypes.find(({ spec }) => spec.name === type)
    if (definition === undefined) throw new AnybpfError('ERR_INTERNAL', `${name}: no program type ${type}`)
    const executable = this.machine.addProgram({
      name,
      type,
      verified,
      insns: bindMaps(insns, this.maps),
      // Read when a fault has to be named.
      get lines() {
        return bytesToLines(readSection(`program ${name}`, module, SECTION.lines))
      },
    })
    return new Program(this, definition, executable, { engine: 'jit', checked: false, budget: budget ?? 0 })
  }

  private createMap(name: string, built: BuiltMap): BpfMap {
    const { kind = 'map', inner, contents, variables = [] } = built
    const spec: MapSpec = {
      ...this.mapSpec(name, built),
      kind,
      ...(inner !== undefined && { innerMap: this.mapSpec(name, inner) }),
      ...(variables.length > 0 && {
        variables: variables.map(([variable, offset, btfType]) => {
          return { name: variable, offset, size: 0, btfType, linkage: 'global' as const }
        }),
      }),
    }
    return createLiveMap(this, spec, contents === undefined ? undefined : decodeBase64(contents))
  }

  private mapSpec(name: string, { key, value, flags = 0, mapExtra = 0n, ...shape }: BuiltMapShape): MapSpec {
    const { type, keySize, valueSize, maxEntries } = shape
    const { btf } = this
    return {
      ...{ name, kind: 'map', section: '', pinning: 0, type, keySize, valueSize, maxEntries, flags, mapExtra },
      ...(btf !== undefined && { btf }),
      ...(key !== undefined && { btfKeyType: key }),
      ...(value !== undefined && { btfValueType: value }),
    }
  }

  private mapType(id: number, name: string): MapTypeSpec {
    const definition = this.definitions.mapTypes.get(name)
    if (definition === undefined) throw new AnybpfError('ERR_INTERNAL', `no map type ${name}`)
    return { ...definition.spec, id }
  }

  forget(): void {}

  dispose(): void {
    this.liveMaps.dispose()
    this.jit.dispose()
    this.cpu.dispose()
  }
}

function helperOf({ helpers }: BuiltDefinitions, spec: HelperSpec): HelperDefinition {
  const found = helpers.find((one) => one.name === spec.name)
  if (found === undefined) throw new AnybpfError('ERR_INTERNAL', `no helper ${spec.name}`)
  const { call, operation } = found
  return { spec, call, ...(operation !== undefined && { operation }) }
}

function initialSlot({ index, map, program }: NonNullable<BuiltMap['slots']>[number]): InitialSlot {
  return { index, target: map !== undefined ? { kind: 'map', map } : { kind: 'program', program: program ?? '' } }
}
