/**
 * PROG_ARRAY: programs to tail-call. A value is a u32: the program's slot in the machine's program table plus one; 0 is an
 * empty entry.
 *
 * Errors: update -EINVAL for flags, -E2BIG for an index out of range, -EBADF if there is no such program; delete -E2BIG,
 * -ENOENT for an entry that is empty.
 * @see https://docs.ebpf.io/linux/map-type/BPF_MAP_TYPE_PROG_ARRAY/
 * @module
 */
import { KIND_PROG_ARRAY } from '../vm/guest-layout.ts'
import type { ProgramArrayStore } from '../vm/stores.ts'
import type { MapTypeDefinition } from './definition.ts'
import { linuxMapType } from './linux-map-type.ts'
import { checkArray } from './parameters.ts'
import { SlotArrayStore } from './slot-array.ts'

class ProgArrayStore extends SlotArrayStore implements ProgramArrayStore {
  programAt(index: number): number {
    return index < this.maxEntries ? this.slot(index) - 1 : -1
  }

  removeProgram(slot: number): void {
    for (let i = 0; i < this.maxEntries; i++) if (this.slot(i) === slot + 1) this.clearSlot(i)
  }

  protected accepts(value: number): boolean {
    return value > 0 && this.machine.programs[value - 1] !== undefined
  }
}

export const PROG_ARRAY: MapTypeDefinition = linuxMapType('prog_array', (machine, parameters, { id }) => {
  checkArray(parameters, 'programs')
  return new ProgArrayStore(machine, parameters, id, KIND_PROG_ARRAY)
})
