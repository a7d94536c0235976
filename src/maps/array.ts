/**
 * ARRAY and PERCPU_ARRAY: values by index. All are there from the start, zero; none can be deleted.
 *
 * Errors: update -E2BIG for an index out of range, -EEXIST for BPF_NOEXIST, -EINVAL for unknown flags; delete -EINVAL.
 * @see https://docs.kernel.org/bpf/map_array.html
 * @module
 */
import { KIND_ARRAY, KIND_PERCPU_ARRAY, MAP_CPU_STRIDE, MAP_HEADER_BYTES, MAP_STRIDE } from '../vm/guest-layout.ts'
import type { GuestAddress } from '../vm/guest-memory.ts'
import type { Machine } from '../vm/machine.ts'
import type { MapParameters, MapTypeDefinition } from './definition.ts'
import { linuxMapType } from './linux-map-type.ts'
import { checkArray } from './parameters.ts'
import { ControlBlockStore } from './store.ts'

class ArrayStore extends ControlBlockStore {
  readonly indexed = true
  private readonly block: GuestAddress
  private readonly regionStart: GuestAddress

  constructor(machine: Machine, parameters: MapParameters, typeId: number, kind: number, copies: number) {
    super(machine, parameters, { typeId, kind, blockBytes: MAP_HEADER_BYTES, copies })
    this.block = this.initialise(() => this.runtime.arrayInit(this.address, copies))
    const start = this.data
    const stride = this.field(MAP_STRIDE)
    const cpuStride = this.field(MAP_CPU_STRIDE)
    const { valueSize, maxEntries } = this
    const whole = copies === 1 && maxEntries === 1
    this.regionStart = start
    machine.regions.add({
      start,
      end: whole ? start + valueSize : start + (copies - 1) * cpuStride + stride * maxEntries,
      writable: this.writableByPrograms,
      name: `map ${this.name}`,
      // Within one value: not the padding after it, nor from one element into the next.
      ...(whole
        ? {}
        : {
            covers: (from: GuestAddress, size: number): boolean => {
              const inCopy = (from - start) % cpuStride
              return inCopy < stride * maxEntries && (inCopy % stride) + size <= valueSize
            },
          }),
    })
  }

  override get size(): number {
    return this.maxEntries
  }

  lookup(key: GuestAddress, cpu: number): GuestAddress {
    try {
      return this.runtime.percpuArrayLookup(this.address, key, cpu) >>> 0
    } catch (error) {
      throw this.fault(error)
    }
  }

  update(key: GuestAddress, value: GuestAddress, flags: number, cpu: number): number {
    try {
      return this.runtime.percpuArrayUpdate(this.address, key, value, flags, cpu)
    } catch (error) {
      throw this.fault(error)
    }
  }

  nextKey(key: GuestAddress, out: GuestAddress): number {
    return this.runtime.arrayNextKey(this.address, key, out)
  }

  protected release(): void {
    this.machine.regions.remove(this.regionStart)
    this.memory.free(this.block)
  }
}

/** One copy of every value, whoever asks. */
class PlainArrayStore extends ArrayStore {
  override lookup(key: GuestAddress): GuestAddress {
    try {
      return this.runtime.arrayLookup(this.address, key, 0) >>> 0
    } catch (error) {
      throw this.fault(error)
    }
  }

  override update(key: GuestAddress, value: GuestAddress, flags: number): number {
    try {
      return this.runtime.arrayUpdate(this.address, key, value, flags, 0)
    } catch (error) {
      throw this.fault(error)
    }
  }
}

export const ARRAY: MapTypeDefinition = linuxMapType('array', (machine, parameters, { id }) => {
  checkArray(parameters, 'plain')
  return new PlainArrayStore(machine, parameters, id, KIND_ARRAY, 1)
})

export const PERCPU_ARRAY: MapTypeDefinition = linuxMapType('percpu_array', (machine, parameters, { id }) => {
  checkArray(parameters, 'percpu')
  return new ArrayStore(machine, parameters, id, KIND_PERCPU_ARRAY, parameters.cpus)
})
