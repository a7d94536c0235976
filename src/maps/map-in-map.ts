/**
 * ARRAY_OF_MAPS and HASH_OF_MAPS. A value is a u32: the address of the inner map's control block, which is what a program's
 * lookup answers (not the value's address).
 *
 * Errors: update -EINVAL for a map that does not look like the one the outer map was created with (same type, key, value
 * and flags; for arrays without BPF_F_INNER_MAP also max_entries), or whose store has no `kind` but a block that says it has one; -EBADF if there is no map at that address; otherwise those
 * of arrays of references and of hash tables.
 * @see https://docs.kernel.org/bpf/map_of_maps.html
 * @module
 */
import { EBADF, EINVAL } from '../spec/errno.ts'
import { findLinuxMapType, MAP_FLAG } from '../spec/map-types.ts'
import { KIND_ARRAY_OF_MAPS, KIND_CUSTOM, KIND_HASH_OF_MAPS, MAP_KIND } from '../vm/guest-layout.ts'
import type { GuestAddress, GuestMemory } from '../vm/guest-memory.ts'
import type { Machine, MapStore } from '../vm/machine.ts'
import type { MapOfMapsStore } from '../vm/stores.ts'
import { type HostMapStore, type MapParameters, type MapTypeDefinition, MOST_SPARE_SLOTS } from './definition.ts'
import { HashStore } from './hash.ts'
import { linuxMapType } from './linux-map-type.ts'
import { checkArray, checkHash, checkInner } from './parameters.ts'
import { SlotArrayStore } from './slot-array.ts'

type Inner = NonNullable<MapParameters['inner']>

const ARRAY = findLinuxMapType('array')?.id
/** Types whose maps Linux does not take as inner maps. */
const NOT_INNER: ReadonlySet<number | undefined> = new Set(
  [
    'prog_array',
    'array_of_maps',
    'hash_of_maps',
    'cgroup_storage',
    'percpu_cgroup_storage',
    'struct_ops',
    'insn_array',
  ].map((name) => findLinuxMapType(name)?.id),
)

/** 0, or the errno with which a map is refused as an inner map. */
function checkInnerMap(template: Inner, map: MapStore | undefined, { u32 }: GuestMemory): number {
  if (map === undefined) return EBADF
  // Compiled programs ask the block what kind of map they have got.
  if (map.kind === undefined && u32[(map.address + MAP_KIND) >>> 2] !== KIND_CUSTOM) return EINVAL
  const { flags = 0 } = map as HostMapStore
  const same =
    map.typeId === template.typeId &&
    map.keySize === template.keySize &&
    map.valueSize === template.valueSize &&
    flags === template.flags
  if (!same) return EINVAL
  const sized = map.typeId === ARRAY && (flags & MAP_FLAG.INNER_MAP) === 0
  return sized && map.maxEntries !== template.maxEntries ? EINVAL : 0
}

/** A map-in-map can be told where its inner maps are. */
export interface MapInMapStore extends HostMapStore, MapOfMapsStore {
  /** What every inner map looks like. */
  readonly inner: Inner
  /** The address of the inner map's control block, or 0. */
  lookup(key: GuestAddress, cpu: number): GuestAddress
}

class ArrayOfMapsStore extends SlotArrayStore implements MapInMapStore {
  readonly inner: Inner
  private reason = EBADF

  constructor(machine: Machine, parameters: MapParameters, typeId: number, inner: Inner) {
    super(machine, parameters, typeId, KIND_ARRAY_OF_MAPS)
    this.inner = inner
  }

  override lookup(key: GuestAddress): GuestAddress {
    return this.runtime.arrayOfMapsLookup(this.address, key, 0) >>> 0
  }

  removeMap(address: GuestAddress): void {
    for (let i = 0; i < this.maxEntries; i++) if (this.slot(i) === address) this.clearSlot(i)
  }

  protected accepts(value: number): boolean {
    this.reason = checkInnerMap(this.inner, this.machine.maps.get(value), this.memory)
    return this.reason === 0
  }

  protected override get refusal(): number {
    return this.reason
  }
}

class HashOfMapsStore extends HashStore implements MapInMapStore {
  readonly inner: Inner

  constructor(machine: Machine, parameters: MapParameters, typeId: number, inner: Inner) {
    super(machine, parameters, typeId, KIND_HASH_OF_MAPS, 1)
    this.inner = inner
  }

  removeMap(address: GuestAddress): void {
    // As many steps as there can be elements and slots in reserve: spoiled links may lead in a circle.
    let key = this.nextElement(0)
    for (let left = this.maxEntries + MOST_SPARE_SLOTS; key !== 0 && left > 0; left--) {
      const next = this.nextElement(key)
      if (this.lookup(key, 0) === address) this.delete(key)
      key = next
    }
  }

  override update(key: GuestAddress, value: GuestAddress, flags: number, cpu: number): number {
    const address = this.memory.view.getUint32(value, true)
    const error = checkInnerMap(this.inner, this.machine.maps.get(address), this.memory)
    return error === 0 ? super.update(key, value, flags, cpu) : -error
  }
}

export const ARRAY_OF_MAPS: MapTypeDefinition = linuxMapType('array_of_maps', (machine, parameters, { id }) => {
  checkArray(parameters, 'maps')
  return new ArrayOfMapsStore(machine, parameters, id, innerOf(parameters))
})

export const HASH_OF_MAPS: MapTypeDefinition = linuxMapType('hash_of_maps', (machine, parameters, { id }) => {
  checkHash(parameters, 'maps')
  return new HashOfMapsStore(machine, parameters, id, innerOf(parameters))
})

function innerOf(parameters: MapParameters): Inner {
  return checkInner(parameters, (typeId) => !NOT_INNER.has(typeId))
}
