/**
 * From a `MapSpec` to a map that lives in the runtime's memory.
 * @module
 */
import type { BtfTypeId } from '../btf/index.ts'
import { BpfMap, createEventCodecs, createMapCodecs, type MapParameters } from '../maps/index.ts'
import type { InitialSlot, MapSpec } from '../object/index.ts'
import type { Platform } from '../spec/types.ts'
import { AnybpfError } from '../util/index.ts'
import type { BaseMachine } from '../vm/index.ts'
import { isMapOfMaps } from '../vm/stores.ts'
import type { Definitions } from './extension.ts'
import { areSameInner, haveSameFields, rememberSpec, specOf } from './map-likeness.ts'
import type { Program } from './program.ts'

/** What a map needs of its runtime. */
export interface MapHost {
  readonly machine: BaseMachine
  readonly platform: Pick<Platform, 'name' | 'mapTypes'>
  readonly definitions: Pick<Definitions, 'mapTypes'>
  readonly liveMaps: LiveMaps
}

/** The maps of one runtime, by the address of their control block; programs and helpers know them by the machine. */
export class LiveMaps {
  private readonly machine: BaseMachine
  private readonly byAddress = new Map<number, BpfMap>()

  constructor(machine: BaseMachine) {
    this.machine = machine
  }

  at(address: number): BpfMap | undefined {
    return this.byAddress.get(address)
  }

  /** Makes a map known to programs and helpers. */
  add(map: BpfMap): void {
    this.byAddress.set(map.address, map)
    this.machine.addMap(map.store)
  }

  /** Takes a map that is being disposed of away from programs and helpers. */
  forget(map: BpfMap): void {
    this.byAddress.delete(map.address)
    this.machine.removeMap(map.store)
  }

  /** Those that hold maps are to go first: else each map that goes would be looked for in all of them. */
  disposeHolders(): void {
    for (const map of this.byAddress.values()) if (isMapOfMaps(map.store)) map.dispose()
  }

  dispose(): void {
    this.disposeHolders()
    for (const map of this.byAddress.values()) map.dispose()
  }
}

/** How many copies a per-CPU map has: a runtime has one CPU. */
const CPUS = 1

/**
 * Makes the map, and gives it `contents` as the value of key 0 if there are any (global data). Throws ERR_UNSUPPORTED for a
 * type that nobody here implements, ERR_MAP for impossible sizes, ERR_NO_MEMORY.
 */
export function createLiveMap(runtime: MapHost, spec: MapSpec, contents?: Uint8Array): BpfMap {
  const { machine } = runtime
  const type = runtime.platform.mapTypes.get(spec.type)
  const definition = type === undefined ? undefined : runtime.definitions.mapTypes.get(type.name)
  if (type === undefined || definition === undefined) {
    const what =
      type === undefined
        ? `no map type ${spec.type} on ${runtime.platform.name}`
        : `no maps of type ${type.name} here yet`
    throw new AnybpfError('ERR_UNSUPPORTED', `map ${spec.name}: ${what}`, { details: { type: spec.type } })
  }
  const records = type.records === true
  const parameters: MapParameters = {
    ...mapParameters(runtime, spec),
    cpus: CPUS,
    ...innerParameters(runtime, spec),
  }
  const store = definition.create(machine, parameters)
  const { btfValueType, ...untyped } = spec
  let map: BpfMap | undefined
  try {
    map = new BpfMap(machine.memory, store, {
      ...createMapCodecs({ ...(records ? untyped : spec), keySize: store.keySize, valueSize: store.valueSize }),
      ...(records && { event: createEventCodecs(spec.name, spec.btf, recordType(spec)) }),
      innerMap: (address) => runtime.liveMaps.at(address),
      admits: (inner) => spec.innerMap === undefined || haveSameFields(specOf(inner) ?? spec.innerMap, spec.innerMap),
      onDispose: (gone) => runtime.liveMaps.forget(gone),
    })
    rememberSpec(map, spec)
    runtime.liveMaps.add(map)
    if (contents !== undefined && contents.length > 0) map.set(new Uint8Array(store.keySize), contents)
  } catch (error) {
    if (map === undefined) store.dispose()
    else map.dispose()
    throw error
  }
  if (spec.kind === 'rodata' || spec.kind === 'kconfig') map.freeze()
  return map
}

/**
 * Throws ERR_USAGE if a map that the caller gives is not alive in this runtime, ERR_MAP if it is not what the object
 * declares under that name.
 */
export function checkGivenMap(runtime: MapHost, spec: MapSpec, map: BpfMap): void {
  if (!(map instanceof BpfMap) || runtime.liveMaps.at(map.address) !== map) {
    throw new AnybpfError('ERR_USAGE', `map ${spec.name}: what is given for it is no live map of this runtime`)
  }
  const wanted = { typeId: spec.type, ...mapParameters(runtime, spec) }
  const { typeId, keySize, valueSize, maxEntries, store } = map
  const given = { typeId, keySize, valueSize, maxEntries, flags: store.flags ?? 0 }
  for (const [field, what] of GIVEN_MAP_FIELDS) {
    // Entries that the declaration leaves out are for the loader to fill in.
    if (given[field] === wanted[field] || (field === 'maxEntries' && spec.maxEntries === 0)) continue
    throw new AnybpfError(
      'ERR_MAP',
      `map ${spec.name}: the one that is given has ${what} ${given[field]}, and the object declares ${wanted[field]}`,
    )
  }
  const origin = specOf(map)
  if (origin === undefined) return
  const difference =
    origin.mapExtra !== spec.mapExtra
      ? `map_extra ${origin.mapExtra}, and the object declares ${spec.mapExtra}`
      : !haveSameFields(origin, spec)
        ? 'other locks, timers or kernel pointers in its values than the object declares'
        : spec.innerMap !== undefined && !areSameInner(origin.innerMap, spec.innerMap)
          ? 'other inner maps than the object declares'
          : undefined
  if (difference !== undefined) {
    throw new AnybpfError('ERR_MAP', `map ${spec.name}: the one that is given has ${difference}`)
  }
}

/** As libbpf has it. Flags count: what one object takes for constant, another must not write. */
const GIVEN_MAP_FIELDS = [
  ['typeId', 'type'],
  ['keySize', 'key size'],
  ['valueSize', 'value size'],
  ['maxEntries', 'max entries'],
  ['flags', 'flags'],
] as const

/** What a map of records declares as its value is what one looks like, unless it is the descriptor of a perf buffer. */
function recordType({ keySize, valueSize, btfValueType }: MapSpec): BtfTypeId | undefined {
  return keySize === 4 && valueSize === 4 ? undefined : btfValueType
}

function mapParameters(runtime: MapHost, spec: MapSpec): Omit<MapParameters, 'cpus' | 'inner'> {
  const { name, flags } = spec
  const records = runtime.platform.mapTypes.get(spec.type)?.records === true
  // Loaders fill in what a declaration may leave out: one buffer per CPU, descriptors of four bytes.
  const perf = records && spec.keySize === 4
  const valueSize = records ? (perf ? 4 : 0) : spec.valueSize
  const maxEntries = perf && spec.maxEntries === 0 ? CPUS : spec.maxEntries
  return { name, keySize: records && !perf ? 0 : spec.keySize, valueSize, maxEntries, flags }
}

function innerParameters(runtime: MapHost, { innerMap }: MapSpec): Pick<MapParameters, 'inner'> {
  if (innerMap === undefined) return {}
  return { inner: { ...mapParameters(runtime, innerMap), typeId: innerMap.type } }
}

/** Puts what a static initialiser names into a map of maps or programs. */
export function fillSlots(
  map: BpfMap,
  slots: readonly InitialSlot[],
  maps: ReadonlyMap<string, BpfMap>,
  programs: Readonly<Record<string, Program<never, unknown>>>,
): void {
  for (const { index, target } of slots) {
    if (target.kind === 'map') map.set(index, maps.get(target.map))
    // A program that was not chosen leaves its slot empty, as one that was never loaded does.
    else if (programs[target.program] !== undefined) map.set(index, programs[target.program]!.executable.index)
  }
}
