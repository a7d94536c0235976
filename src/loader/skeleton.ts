/**
 * What a module that `anybpf gen skeleton` wrote stands on: an object whose programs, maps and global variables the type checker knows.
 *
 * ```ts
 * const firewall = openFirewall(bytes)       // plain data: look, edit
 * firewall.maps.blocked.maxEntries = 4096
 * firewall.globals.rodata.threshold = 10
 * const loaded = firewall.load(runtime)
 * loaded.maps.blocked.set({ addr: '10.0.0.1' }, 1)
 * ```
 * @module
 */
/// <reference lib="esnext.disposable" preserve="true" />
import { type BpfMap, createSizedCodec } from '../maps/index.ts'
import { type MapSpec, type ObjectSpec, type ProgramSpec, parseObject, type VariableSpec } from '../object/index.ts'
import { AnybpfError } from '../util/index.ts'
import type { Collection } from './collection.ts'
import { kconfigToValue, variableType } from './globals.ts'
import type { LoadOptions } from './load-object.ts'
import type { Program } from './program.ts'
import type { Runtime } from './runtime.ts'

/** What a skeleton says of its object, for the type checker. */
export interface SkeletonTypes {
  /** `Program`s by name. */
  readonly programs: object
  /** `BpfMap`s by name. */
  readonly maps: object
  /** Variables by name, by section: `data`, `bss`, `rodata`, `kconfig`, `data_foo` of `.data.foo`. */
  readonly globals: object
}

/** What a skeleton says of its object, to be compared with the object that it is given. */
export interface SkeletonDescription {
  /** What messages call it. */
  readonly name: string
  /** Program types by name. */
  readonly programs: Readonly<Record<string, string>>
  readonly maps: Readonly<Record<string, Pick<MapSpec, 'type' | 'keySize' | 'valueSize'>>>
  readonly globals: Readonly<Record<string, SectionDescription>>
}

export interface SectionDescription {
  /** The map that the section becomes: `.rodata`. */
  readonly map: string
  readonly variables: Readonly<Record<string, Pick<VariableSpec, 'offset' | 'size'>>>
}

/** Global variables once the programs are loaded: those of `.rodata` and `.kconfig` cannot be changed any more. */
export type LoadedGlobals<Globals> = {
  readonly [Section in keyof Globals]: Section extends 'rodata' | `rodata_${string}`
    ? Readonly<Globals[Section]>
    : Section extends 'kconfig'
      ? { readonly [Name in keyof Globals[Section]]: Exclude<Globals[Section][Name], undefined> }
      : Globals[Section]
}

/** Programs are chosen by their `autoload`, variables set in `globals`. */
export interface SkeletonLoadOptions<Types extends SkeletonTypes = SkeletonTypes>
  extends Omit<LoadOptions, 'programs' | 'globals' | 'kconfig' | 'maps'> {
  /** Maps to use instead of making them, as in `LoadOptions`. */
  readonly maps?: { readonly [Name in keyof Types['maps']]?: Types['maps'][Name] }
}

/** An object that was read and not loaded yet. */
export class Skeleton<Types extends SkeletonTypes = SkeletonTypes> {
  /** All of the object. */
  readonly spec: ObjectSpec
  /** Those with `autoload` are loaded. */
  readonly programs: { readonly [Name in keyof Types['programs']]: ProgramSpec }
  readonly maps: { readonly [Name in keyof Types['maps']]: MapSpec }
  /** What variables are at the start. */
  readonly globals: Types['globals']
  private readonly description: SkeletonDescription
  private readonly kconfig: Record<string, Uint8Array> = Object.create(null)

  /** See {@link openSkeleton}. */
  constructor(spec: ObjectSpec, description: SkeletonDescription) {
    this.spec = spec
    this.description = description
    this.programs = pick(description.programs, spec.programs) as Skeleton<Types>['programs']
    this.maps = pick(description.maps, spec.maps) as Skeleton<Types>['maps']
    this.globals = sectionsOf(spec, description, (map, variable) =>
      map.kind === 'kconfig' ? kernelConfiguration(map, variable, this.kconfig) : initialValue(map, variable),
    ) as Types['globals']
  }

  /** Loads the programs that have `autoload`; throws what `Runtime.load` throws. The skeleton can be loaded again. */
  load(runtime: Runtime, options: SkeletonLoadOptions<Types> = {}): LoadedSkeleton<Types> {
    const given = { ...options, kconfig: this.kconfig } as LoadOptions
    return new LoadedSkeleton<Types>(runtime, this.spec, this.description, runtime.load(this.spec, given))
  }
}

/** An object that was loaded. What was not (a program without `autoload`, a map of a type that does not exist here) throws ERR_NOT_FOUND. */
export class LoadedSkeleton<Types extends SkeletonTypes = SkeletonTypes> {
  readonly programs: Types['programs']
  readonly maps: Types['maps']
  /** What variables are now: read from memory, and written to it. */
  readonly globals: LoadedGlobals<Types['globals']>
  /** The same, without types. */
  readonly collection: Collection

  /** See {@link Skeleton.load}. */
  constructor(runtime: Runtime, spec: ObjectSpec, description: SkeletonDescription, collection: Collection) {
    this.collection = collection
    this.programs = loadedOf<Program>('program', description.programs, collection.programs)
    this.maps = loadedOf<BpfMap>('map', description.maps, collection.maps)
    this.globals = sectionsOf(spec, description, (map, variable) =>
      liveValue(runtime, collection, map, variable),
    ) as LoadedGlobals<Types['globals']>
  }

  dispose(): void {
    this.collection.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/**
 * Reads an object for a skeleton. Throws what `parseObject` throws, and ERR_OBJECT if it is not what the skeleton was generated
 * from: if a program or map that it names is not there, or has another type or size.
 */
export function openSkeleton<Types extends SkeletonTypes>(
  object: Uint8Array,
  description: SkeletonDescription,
): Skeleton<Types> {
  const spec = parseObject(object)
  checkObject(spec, description)
  return new Skeleton<Types>(spec, description)
}

function checkObject(spec: ObjectSpec, { name: object, programs, maps, globals }: SkeletonDescription): void {
  const expect = <T>(what: string, name: string, wanted: T, found: T | undefined): void => {
    if (found === wanted) return
    const difference = found === undefined ? `it has no ${what} ${name}` : `${what} ${name} is ${found}, not ${wanted}`
    throw new AnybpfError(
      'ERR_OBJECT',
      `${object}: the object is not the one that the skeleton was generated from: ${difference}; generate it again`,
    )
  }
  for (const [name, type] of Object.entries(programs)) expect('program', name, type, spec.programs[name]?.type)
  const mapText = ({ type, keySize, valueSize }: SkeletonDescription['maps'][string]): string =>
    `of type ${type} with ${keySize} and ${valueSize} bytes`
  for (const [name, map] of Object.entries(maps)) {
    const found = spec.maps[name]
    expect('map', name, mapText(map), found && mapText(found))
  }
  for (const { map, variables } of Object.values(globals)) {
    const variableText = ({ offset, size }: SectionDescription['variables'][string]): string =>
      `${size} bytes at ${offset} of ${map}`
    const there = new Map(spec.maps[map]?.variables?.map((variable) => [variable.name, variable]))
    for (const [name, variable] of Object.entries(variables)) {
      const found = there.get(name)
      expect('variable', name, variableText(variable), found && variableText(found))
    }
  }
}

function pick<T>(names: object, from: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  const picked: Record<string, T> = Object.create(null)
  for (const name of Object.keys(names)) picked[name] = from[name]!
  return picked
}

function loadedOf<T>(what: string, names: object, from: Readonly<Record<string, T>>): object {
  const loaded: object = Object.create(null)
  for (const name of Object.keys(names)) {
    const value = from[name]
    if (value !== undefined) Object.defineProperty(loaded, name, { value, enumerable: true })
    else {
      const get = (): never => {
        throw new AnybpfError('ERR_NOT_FOUND', `${what} ${name} was not loaded`)
      }
      Object.defineProperty(loaded, name, { get })
    }
  }
  return loaded
}

interface Accessor {
  get(): unknown
  set(value: unknown): void
}

function sectionsOf(
  spec: ObjectSpec,
  { globals }: SkeletonDescription,
  access: (map: MapSpec, variable: VariableSpec) => Accessor,
): object {
  const sections: object = Object.create(null)
  for (const [property, { map, variables }] of Object.entries(globals)) {
    const section: object = Object.create(null)
    for (const variable of spec.maps[map]?.variables ?? []) {
      if (!Object.hasOwn(variables, variable.name)) continue
      const { get, set } = access(spec.maps[map]!, variable)
      Object.defineProperty(section, variable.name, { get, set, enumerable: true })
    }
    Object.defineProperty(sections, property, { value: section, enumerable: true })
  }
  return sections
}

function variableCodec(map: MapSpec, variable: VariableSpec) {
  return createSizedCodec(map.btf, variableType(map.btf, variable), variable.size, { name: variable.name })
}

function encode(map: MapSpec, variable: VariableSpec, value: unknown): Uint8Array {
  if (value instanceof Uint8Array && value.length === variable.size) return value
  return variableCodec(map, variable).encode(value)
}

/** A variable in the bytes that its section starts with. */
function initialValue(map: MapSpec, variable: VariableSpec): Accessor {
  const { offset, size } = variable
  const bytes = (): Uint8Array => {
    const end = offset + size
    const contents = map.contents ?? new Uint8Array(map.valueSize)
    if (contents.length >= end) return contents.subarray(offset, end)
    throw new AnybpfError('ERR_OBJECT', `${variable.name} lies outside of the ${contents.length} bytes of ${map.name}`)
  }
  return {
    get: () => variableCodec(map, variable).decode(bytes()),
    set: (value) => {
      const encoded = encode(map, variable, value)
      map.contents ??= new Uint8Array(map.valueSize)
      bytes().set(encoded)
    },
  }
}

/** A value of the kernel's configuration; undefined until it is set. */
function kernelConfiguration(map: MapSpec, variable: VariableSpec, values: Record<string, Uint8Array>): Accessor {
  return {
    get: () => {
      const bytes = values[variable.name]
      return bytes === undefined ? undefined : variableCodec(map, variable).decode(bytes)
    },
    set: (value) => {
      values[variable.name] = encode(map, variable, kconfigToValue(value, map, variable))
    },
  }
}

function liveValue(runtime: Runtime, collection: Collection, map: MapSpec, variable: VariableSpec): Accessor {
  const codec = variableCodec(map, variable)
  const { memory } = runtime.machine
  const address = (): number => collection.map(map.name).valueAddress + variable.offset
  return {
    get: () => codec.decode(memory.read(address(), variable.size)),
    set: (value) => {
      if (map.kind === 'rodata' || map.kind === 'kconfig') {
        throw new AnybpfError('ERR_USAGE', `${variable.name} is constant once it is loaded: set it before`)
      }
      const at = address()
      memory.u8.set(encode(map, variable, value), at)
    },
  }
}
