/**
 * The runtime: one linear memory, and everything that lives in it. Objects are loaded into it; programs run on its CPU.
 * @module
 */
/// <reference lib="esnext.disposable" preserve="true" />
import { helpersOf } from '../helpers/index.ts'
import type { Instruction } from '../isa/index.ts'
import type { BpfMap } from '../maps/index.ts'
import type { MapSpec, ObjectSpec } from '../object/index.ts'
import { linux } from '../spec/platforms/linux.ts'
import type { Platform } from '../spec/types.ts'
import { AnybpfError } from '../util/index.ts'
import { COUNT, checkOptions, FUNCTION, LIST, NUMBER, OBJECT, type OptionTable, TEXT } from '../util/options.ts'
import {
  type Environment,
  GuestMemory,
  Interpreter,
  Jit,
  justInTime,
  type LinkedProgram,
  VirtualCpu,
  VirtualEnvironment,
  VirtualMachine,
} from '../vm/index.ts'
import type { Collection } from './collection.ts'
import {
  type AnyProgramTypeDefinition,
  BUILTIN_EXTENSION,
  collectDefinitions,
  type Definitions,
  type Extension,
  extendByDefinitions,
} from './extension.ts'
import { createLiveMap, LiveMaps } from './live-map.ts'
import { type LoadOptions, loadObject } from './load-object.ts'
import {
  type Disposable,
  ENGINE_OPTIONS,
  type EngineOptions,
  engineOptions,
  Program,
  type ProgramHost,
} from './program.ts'
import { checkReport, verifiedAs } from './verification.ts'

export interface RuntimeOptions {
  /** Default `linux()`, the newest version known. */
  readonly platform?: Platform
  /** Time, randomness, task. Default: virtual and seeded, see `VirtualEnvironment`. */
  readonly environment?: Environment
  /** Upper bound of the linear memory, bytes; default 1 GiB. */
  readonly memoryLimit?: number
  /** Seed of the hash tables' function. Give a secret one where keys come from somebody who may want them to collide. */
  readonly hashSeed?: number
  /** Helpers, map types and program types of one's own. */
  readonly extensions?: readonly Extension[]
  /** Called with each line that a program prints (`bpf_printk`); default nowhere. */
  readonly print?: (line: string) => void
}

export interface ProgramOptions extends Partial<EngineOptions> {
  readonly name?: string
}

const RUNTIME_OPTIONS: OptionTable<RuntimeOptions> = {
  platform: OBJECT,
  environment: OBJECT,
  memoryLimit: COUNT,
  hashSeed: NUMBER,
  extensions: LIST,
  print: FUNCTION,
}

type LoadProgramOptions = ProgramOptions & { readonly type?: string }

const PROGRAM_OPTIONS: OptionTable<LoadProgramOptions> = { name: TEXT, type: TEXT, ...ENGINE_OPTIONS }

export class Runtime implements ProgramHost {
  readonly platform: Platform
  readonly environment: Environment
  readonly machine: VirtualMachine
  readonly interpreter: Interpreter
  readonly definitions: Definitions
  /** For the loader. */
  readonly liveMaps: LiveMaps
  private readonly cpu: VirtualCpu
  private compiler: Jit | undefined
  private readonly owned = new Set<Disposable>()
  private disposed = false

  constructor(options: RuntimeOptions = {}) {
    checkOptions('Runtime', options, RUNTIME_OPTIONS)
    this.definitions = collectDefinitions([BUILTIN_EXTENSION, ...(options.extensions ?? [])])
    this.platform = extendByDefinitions(options.platform ?? linux(), options.extensions ?? [])
    this.environment = options.environment ?? new VirtualEnvironment()
    this.machine = new VirtualMachine({
      platform: this.platform,
      memory: new GuestMemory({
        ...(options.memoryLimit !== undefined && { limit: options.memoryLimit }),
        ...(options.hashSeed !== undefined && { hashSeed: options.hashSeed }),
      }),
      helpers: helpersOf(this.platform, this.definitions.helpers),
    })
    this.liveMaps = new LiveMaps(this.machine)
    this.cpu = new VirtualCpu({
      machine: this.machine,
      environment: this.environment,
      ...(options.print !== undefined && { print: options.print }),
    })
    this.interpreter = new Interpreter(this.cpu)
  }

  get jit(): Jit {
    this.compiler ??= new Jit(this.cpu, justInTime())
    return this.compiler
  }

  /**
   * Makes an object's programs ready to run, with the maps that they use. Throws ERR_LINK for what a program refers to and
   * nothing here has, ERR_MAP, ERR_NO_MEMORY, ERR_BYTE_ORDER, ERR_UNSUPPORTED, and ERR_NOT_FOUND for a name in `options`.
   */
  load(spec: ObjectSpec, options: LoadOptions = {}): Collection {
    this.assertLive()
    if (spec instanceof Uint8Array) {
      throw new AnybpfError('ERR_USAGE', 'load takes an ObjectSpec, not bytes: load(parseObject(bytes))')
    }
    const collection = loadObject(this, spec, options)
    this.owned.add(collection)
    return collection
  }

  /**
   * Makes one program of bare instructions, indexed by slot: of type `raw` unless `type` names another. What the verifier accepted
   * runs as such if `report` says so: of a raw program, for memory of the size that it was verified with.
   */
  loadProgram<Input = unknown, Output = unknown>(
    insns: readonly Instruction[],
    options: LoadProgramOptions = {},
  ): Program<Input, Output> {
    this.assertLive()
    checkOptions('loadProgram', options, PROGRAM_OPTIONS)
    if (!Array.isArray(insns)) {
      const hint =
        (insns as unknown) instanceof Uint8Array
          ? 'not bytes: loadProgram(decodeProgram(bytes))'
          : typeof insns === 'string'
            ? 'not text: loadProgram(assemble(text))'
            : `not ${typeof insns}`
      throw new AnybpfError('ERR_USAGE', `loadProgram takes instructions, ${hint}`)
    }
    const definition = this.programType(options.type ?? 'raw')
    if (options.report?.verdict === 'accept') checkReport(options.report, insns, definition.spec.name)
    const linked = { name: options.name ?? 'program', insns, type: definition.spec.name, ...verifiedAs(options.report) }
    const program = this.createProgram<Input, Output>(linked, definition, engineOptions(options))
    this.owned.add(program)
    return program
  }

  /** A program that its maker disposes of; for the loader. */
  createProgram<Input, Output>(
    linked: LinkedProgram,
    definition: AnyProgramTypeDefinition,
    engine: EngineOptions,
  ): Program<Input, Output> {
    const { contextBytes } = definition
    const executable = this.machine.addProgram(contextBytes === undefined ? linked : { ...linked, contextBytes })
    try {
      return new Program<Input, Output>(this, definition, executable, engine)
    } catch (error) {
      this.machine.removeProgram(executable)
      throw error
    }
  }

  forget(thing: Disposable): void {
    this.owned.delete(thing)
  }

  /** A map without an object. It belongs to the caller, and can be handed to `load`. */
  createMap(spec: MapSpec): BpfMap {
    this.assertLive()
    return createLiveMap(this, spec)
  }

  /** The live map whose control block lies at an address. */
  mapAt(address: number): BpfMap | undefined {
    return this.liveMaps.at(address)
  }

  /** Whether a map of this type can be made here, inner maps included. */
  canCreate(spec: MapSpec): boolean {
    const type = this.platform.mapTypes.get(spec.type)
    if (type === undefined || !this.definitions.mapTypes.has(type.name)) return false
    return spec.innerMap === undefined || this.canCreate(spec.innerMap)
  }

  /** Throws ERR_UNSUPPORTED for a type that the platform or the runtime does not have. */
  programType(name: string): AnyProgramTypeDefinition {
    const definition = this.definitions.programTypes.get(name)
    if (definition === undefined) {
      const known = [...this.definitions.programTypes.keys()].join(', ')
      throw new AnybpfError('ERR_UNSUPPORTED', `programs of type ${name} cannot be run (can: ${known})`)
    }
    return definition
  }

  private assertLive(): void {
    if (this.disposed) throw new AnybpfError('ERR_DISPOSED', 'the runtime was disposed of')
  }

  /** Frees programs, maps, and the memory itself. Throws ERR_USAGE in the middle of a run. */
  dispose(): void {
    if (this.disposed) return
    if (this.cpu.depth !== 0) throw new AnybpfError('ERR_USAGE', 'a program is running: the runtime is in use')
    this.disposed = true
    this.liveMaps.disposeHolders()
    for (const thing of [...this.owned].reverse()) thing.dispose()
    this.owned.clear()
    this.liveMaps.dispose()
    this.compiler?.dispose()
    this.cpu.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** What Node's console shows of it. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `Runtime (${this.platform.name}, ${this.machine.memory.usedBytes} bytes in use)`
  }
}
