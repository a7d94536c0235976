/**
 * The compiler as a build uses it: what is an address in a program is an imported global in its module.
 * @module
 */
import type { Instruction } from '../../src/isa/index.ts'
import { KIND_ARRAY, KIND_PERCPU_ARRAY, MAP_CPU_STRIDE, MAP_DATA, MAP_STRIDE } from '../../src/vm/guest-layout.ts'
import type { MapStore, ModuleSource } from '../../src/vm/index.ts'
import { aheadAddresses } from '../../src/vm/jit/ahead-addresses.ts'
import { compileAhead } from '../../src/vm/jit/ahead-of-time.ts'

export const aheadOfTime: ModuleSource = (program, { cpu, block, budget, guard, id }) => {
  const maps = [...cpu.machine.maps.values()]
  const insns = withoutAddresses(program.linked.insns, maps, cpu.memory.u32)
  const compiled = compileAhead({ ...program, linked: { ...program.linked, insns } }, { cpu, maps, budget, guard, id })
  const module = new WebAssembly.Module(compiled.bytes)
  return { ...compiled, module, id, addresses: aheadAddresses(program, maps, cpu, block) }
}

/** Constants that are addresses of maps, or of values in arrays, become names of these maps. A number that is one by accident is the same number. */
function withoutAddresses(insns: readonly Instruction[], maps: readonly MapStore[], words: Uint32Array): Instruction[] {
  return insns.map((insn) => {
    if (insn.kind !== 'lddw' || insn.source !== 'imm64' || insn.imm2 !== 0) return insn
    const address = insn.imm >>> 0
    for (const [index, map] of maps.entries()) {
      if (address === map.address) return { ...insn, source: 'map_idx', imm: index }
      const offset = address - words[(map.address + MAP_DATA) >>> 2]!
      if (offset >= 0 && offset < bytesOfValues(map, words)) {
        return { ...insn, source: 'map_idx_value', imm: index, imm2: offset }
      }
    }
    return insn
  })
}

function bytesOfValues({ kind, address, maxEntries, cpus = 1 }: MapStore, words: Uint32Array): number {
  const field = (offset: number): number => words[(address + offset) >>> 2]!
  if (kind === KIND_ARRAY) return maxEntries * field(MAP_STRIDE)
  return kind === KIND_PERCPU_ARRAY ? cpus * field(MAP_CPU_STRIDE) : 0
}
