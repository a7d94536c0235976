/**
 * Live maps for what the verifier was told of maps. Types that nobody implements are stood in for: a look-up finds an
 * object or nothing, an update may succeed or fail.
 * @module
 */
import type { BpfMap } from '../../maps/index.ts'
import type { MapSpec } from '../../object/index.ts'
import { AnybpfError } from '../../util/index.ts'
import type { VerifierMap } from '../../verifier/index.ts'
import type { GuestAddress, MapStore } from '../../vm/index.ts'
import type { HostileRuntime } from './hostile-runtime.ts'

const PROG_ARRAY = 3
/** Elements that a table gets to begin with. */
const ELEMENTS = 8
/** Tables have no more entries here: what is looked up in them need not be there. */
const MAX_ENTRIES = 4096

export class HostileMaps {
  private readonly host: HostileRuntime
  private readonly addresses = new Map<VerifierMap, GuestAddress>()
  private readonly live = new Map<VerifierMap, BpfMap>()

  constructor(host: HostileRuntime) {
    this.host = host
  }

  /** Address of the live map. Throws what making it throws: ERR_NO_MEMORY, ERR_MAP, ERR_UNSUPPORTED. */
  address(map: VerifierMap): GuestAddress {
    let address = this.addresses.get(map)
    if (address === undefined) {
      address = this.create(map)
      this.addresses.set(map, address)
      this.host.objects.bindMap(map, address)
    }
    return address
  }

  /** Address of a byte in the value of a map of one element. */
  valueAddress(map: VerifierMap, offset: number): GuestAddress {
    const address = this.address(map)
    const live = this.live.get(map)
    if (live === undefined) throw new AnybpfError('ERR_UNSUPPORTED', `map ${map.name}: there are no values to point to`)
    const value = live.valueAddress
    this.host.objects.addValue(address, value)
    return value + offset
  }

  /** Puts a program into every program array, at some of its places. */
  offerProgram(index: number): void {
    for (const [map, live] of this.live) {
      if (map.type !== PROG_ARRAY) continue
      for (let i = 0; i < Math.min(map.maxEntries, ELEMENTS); i += 2) live.set(i, index)
    }
  }

  private create(map: VerifierMap): GuestAddress {
    const { host } = this
    const spec = specOf(host, map)
    if (!host.runtime.canCreate(spec)) {
      const stub = new StubMap(host, map)
      host.runtime.machine.addMap(stub)
      host.addStorage(stub.address, stub.value)
      return stub.address
    }
    const live = host.runtime.createMap(spec)
    this.live.set(map, live)
    this.fill(map, live)
    return live.address
  }

  private fill(map: VerifierMap, live: BpfMap): void {
    const { host } = this
    const { memory } = host.runtime.machine
    const type = host.platform.mapTypes.get(map.type)
    if (map.inner !== undefined) {
      const inner = host.runtime.createMap(specOf(host, map.inner))
      this.fill(map.inner, inner)
      for (let i = 0; i < Math.min(map.maxEntries, 2); i++) live.set(keyOf(map, i), inner)
      return
    }
    if (map.contents !== undefined) {
      memory.u8.set(map.contents, live.valueAddress)
      return
    }
    if (type?.records === true || map.type === PROG_ARRAY || map.keySize === 0) return
    for (let i = 0; i < Math.min(map.maxEntries, ELEMENTS); i++) {
      const key = keyOf(map, i)
      if (!type?.name.endsWith('array'))
        live.set(key, type?.perCpu === true ? [new Uint8Array(map.valueSize)] : new Uint8Array(map.valueSize))
      const value = this.lookUp(live, key)
      if (value === 0) continue
      host.values.fill(memory.view, value, value + map.valueSize)
      host.share(value, map.valueSize)
    }
  }

  private lookUp(live: BpfMap, key: Uint8Array): GuestAddress {
    const { memory } = this.host.runtime.machine
    const at = memory.place(key)
    const value = live.store.lookup(at, 0)
    memory.free(at)
    return value
  }
}

function specOf(host: HostileRuntime, map: VerifierMap): MapSpec {
  const { name, type, flags, inner } = map
  const kind = host.platform.mapTypes.get(type)
  const table = kind?.name.includes('hash') === true
  // What a declaration may leave out, loaders fill in: keys and values that are descriptors.
  const keySize = map.keySize === 0 && kind?.name === 'perf_event_array' ? 4 : map.keySize
  const valueSize = map.valueSize === 0 && inner !== undefined ? 4 : map.valueSize
  return {
    name,
    kind: 'map',
    section: '.maps',
    type,
    keySize,
    valueSize,
    maxEntries: table ? Math.min(map.maxEntries, MAX_ENTRIES) : map.maxEntries,
    flags,
    pinning: 0,
    mapExtra: 0n,
    ...(inner !== undefined && { innerMap: specOf(host, inner) }),
  }
}

function keyOf({ keySize }: VerifierMap, i: number): Uint8Array {
  const key = new Uint8Array(keySize)
  if (keySize > 0) key[0] = i
  return key
}

/** A map of a type that nobody implements. */
class StubMap implements MapStore {
  readonly address: GuestAddress
  readonly name: string
  readonly typeId: number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  private readonly host: HostileRuntime
  readonly value: GuestAddress

  constructor(host: HostileRuntime, { name, type, keySize, valueSize, maxEntries }: VerifierMap) {
    this.host = host
    this.name = name
    this.typeId = type
    this.keySize = keySize
    this.valueSize = valueSize
    this.maxEntries = maxEntries
    const { memory, regions } = host.runtime.machine
    this.address = memory.allocate(64)
    this.value = memory.allocate(Math.max(8, valueSize))
    regions.add({ start: this.value, end: this.value + Math.max(8, valueSize), writable: true, name: `map ${name}` })
  }

  lookup(): GuestAddress {
    return this.host.values.random.u32() >>> 30 === 0 ? 0 : this.value
  }

  update(): number {
    return this.host.values.random.u32() >>> 31 === 0 ? 0 : -1
  }

  delete(): number {
    return this.update()
  }
}
