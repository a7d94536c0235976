/**
 * A machine with maps and no programs, for tests of stores.
 * @module
 */
import type { HostMapStore, MapParameters, MapTypeDefinition } from '../../src/maps/definition.ts'
import { linux } from '../../src/spec/platforms/linux.ts'
import { isAnybpfError } from '../../src/util/errors.ts'
import { type GuestAddress, GuestMemory, type GuestMemoryOptions } from '../../src/vm/guest-memory.ts'
import { VirtualMachine } from '../../src/vm/virtual-machine.ts'

export class TestMachine extends VirtualMachine {
  /** Room for keys and values of up to 4 KiB. */
  readonly keyAt: GuestAddress
  readonly valueAt: GuestAddress

  constructor(options: GuestMemoryOptions = {}) {
    super({ platform: linux(), memory: new GuestMemory(options) })
    this.keyAt = this.memory.allocate(4096)
    this.valueAt = this.memory.allocate(4096)
  }

  create<Store extends HostMapStore = HostMapStore>(
    definition: MapTypeDefinition,
    parameters: Partial<MapParameters> = {},
  ): Store {
    const defaults = { name: 'm', keySize: 4, valueSize: 8, maxEntries: 4, flags: 0, cpus: 1 }
    const store = definition.create(this, { ...defaults, ...parameters })
    this.addMap(store)
    return store as Store
  }

  key(bytes: Uint8Array | number): GuestAddress {
    return put(this.memory, this.keyAt, bytes)
  }

  value(bytes: Uint8Array | number): GuestAddress {
    return put(this.memory, this.valueAt, bytes)
  }
}

function put(memory: GuestMemory, at: GuestAddress, bytes: Uint8Array | number): GuestAddress {
  if (typeof bytes === 'number') memory.view.setUint32(at, bytes, true)
  else memory.u8.set(bytes, at)
  return at
}

/** The errno's name with which the creation of a map is refused, or `none`. */
export function creationErrno(definition: MapTypeDefinition, parameters: Partial<MapParameters>): unknown {
  const machine = new TestMachine()
  const before = machine.memory.usedBytes
  try {
    machine.create(definition, parameters).dispose()
  } catch (error) {
    if (!isAnybpfError(error)) throw error
    if (machine.memory.usedBytes !== before) return 'leak'
    return error.code === 'ERR_MAP' ? error.details['errno'] : error.code
  }
  return machine.memory.usedBytes === before ? 'none' : 'leak'
}

/** The code of what an action throws, or `none`. */
export function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (isAnybpfError(error)) return error.code
    throw error
  }
  return 'none'
}
