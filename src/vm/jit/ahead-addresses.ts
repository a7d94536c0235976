/**
 * The addresses that modules which were compiled ahead of time import, by name.
 * @module
 */
import { MAP_DATA } from '../guest-layout.ts'
import type { GuestAddress } from '../guest-memory.ts'
import type { ExecutableProgram, MapStore } from '../machine.ts'
import type { VirtualCpu } from '../virtual-cpu.ts'

export const CPU_ADDRESSES = ['cpu_block', 'first_frame', 'last_frame'] as const

/** The control block of the map with an index. */
export function mapName(index: number): string {
  return `map${index}`
}

/** Where its elements lie. */
export function dataName(index: number): string {
  return `map${index}_data`
}

/** The low half of the code address of the function at a slot. */
export function codeName(slot: number): string {
  return `code${slot}`
}

/** Their values, for one program on one CPU. `maps`: by index. */
export function aheadAddresses(
  program: ExecutableProgram,
  maps: readonly Pick<MapStore, 'address'>[],
  cpu: VirtualCpu,
  block: GuestAddress,
): Record<string, GuestAddress> {
  const cpuAddresses: Record<(typeof CPU_ADDRESSES)[number], GuestAddress> = {
    cpu_block: block,
    first_frame: cpu.frameTop(1),
    last_frame: cpu.frameTop(cpu.frames),
  }
  const addresses: Record<string, GuestAddress> = cpuAddresses
  maps.forEach(({ address }, index) => {
    addresses[mapName(index)] = address
    addresses[dataName(index)] = cpu.memory.u32[(address + MAP_DATA) >>> 2]!
  })
  for (const [slot, index] of program.codeIndices) addresses[codeName(slot)] = index
  return addresses
}
