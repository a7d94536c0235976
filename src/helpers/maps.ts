/**
 * Helpers that work on maps.
 * @see https://docs.ebpf.io/linux/helper-function/bpf_map_lookup_elem/
 * @module
 */
import { EINVAL } from '../spec/errno.ts'
import { linuxHelper, type NamedHelper } from './definition.ts'
import { mapArgument, readable } from './memory.ts'

const LOOKUP = 'map_lookup_elem'
const UPDATE = 'map_update_elem'
const DELETE = 'map_delete_elem'
const LOOKUP_PERCPU = 'map_lookup_percpu_elem'

export const MAP_HELPERS: readonly NamedHelper[] = [
  linuxHelper(
    LOOKUP,
    (cpu, r1, r2) => {
      const map = mapArgument(cpu, LOOKUP, r1)
      return map.lookup(readable(cpu, LOOKUP, r2, map.keySize), cpu.id)
    },
    'lookup',
  ),

  linuxHelper(
    UPDATE,
    (cpu, r1, r2, r3, r4) => {
      const map = mapArgument(cpu, UPDATE, r1)
      const key = readable(cpu, UPDATE, r2, map.keySize)
      const value = readable(cpu, UPDATE, r3, map.valueSize)
      return cpu.argHigh(4) === 0 ? map.update(key, value, r4, cpu.id) : -EINVAL
    },
    'update',
  ),

  linuxHelper(
    DELETE,
    (cpu, r1, r2) => {
      const map = mapArgument(cpu, DELETE, r1)
      return map.delete(readable(cpu, DELETE, r2, map.keySize))
    },
    'delete',
  ),

  linuxHelper(LOOKUP_PERCPU, (cpu, r1, r2, r3) => {
    const map = mapArgument(cpu, LOOKUP_PERCPU, r1)
    const copies = map.cpus ?? 1
    return r3 >>> 0 < copies ? map.lookup(readable(cpu, LOOKUP_PERCPU, r2, map.keySize), r3) : 0
  }),
]
