/**
 * Modules that are compiled before anybody knows where things will be: addresses are imported globals, which nobody changes.
 *
 * In such a program a wide load names a map by its index (`map_idx`, `map_idx_value` of RFC 9669, section 5.4). What was
 * declared of a map is still a constant of the code, and array maps are looked up in place.
 * @see https://www.rfc-editor.org/rfc/rfc9669#section-5.4
 * @module
 */
import type { LddwInsn } from '../../isa/instruction.ts'
import type { ExecutableProgram, MapStore } from '../machine.ts'
import type { VirtualCpu } from '../virtual-cpu.ts'
import { CPU_ADDRESSES, codeName, dataName, mapName } from './ahead-addresses.ts'
import { type CompiledProgram, compileProgram } from './compile-program.ts'
import type { Address, ImportedAddress, JitOptions, JitTarget, TargetMap } from './target.ts'

export interface AheadOptions extends JitOptions {
  /** A CPU like the one that the program will run on: its sizes count, not where it is. */
  readonly cpu: VirtualCpu
  /** By index: maps like the ones that there will be. */
  readonly maps: readonly MapStore[]
  /** For the module's name. */
  readonly id: number
}

/** Compiles a program whose wide loads name maps by index. Throws what `compileProgram` throws. */
export function compileAhead(program: ExecutableProgram, options: AheadOptions): CompiledProgram {
  return compileProgram(program, aheadTarget(program, options), options, options.id)
}

function aheadTarget(program: ExecutableProgram, { cpu, maps }: AheadOptions): JitTarget {
  const imports: string[] = [...CPU_ADDRESSES]
  const imported = (name: string): ImportedAddress => ({ global: imports.push(name) - 1, offset: 0 })
  const known = new Map<number, TargetMap>()
  const byAddress = new Map<Address, TargetMap>()
  for (const insn of program.linked.insns) {
    const index = insn.kind === 'lddw' ? mapIndex(insn) : undefined
    const store = maps[index ?? -1]
    if (index === undefined || store === undefined || known.has(index)) continue
    const { kind, keySize, valueSize, maxEntries } = store
    const field = (offset: number): number => cpu.memory.u32[(store.address + offset) >>> 2]!
    const address = imported(mapName(index))
    const map = { kind, keySize, valueSize, maxEntries, address, data: imported(dataName(index)), field }
    known.set(index, map)
    byAddress.set(address, map)
  }
  const code = new Map([...program.codeIndices.keys()].map((slot) => [slot, imported(codeName(slot))]))
  return {
    imports,
    cpuBlock: { global: 0, offset: 0 },
    firstFrame: { global: 1, offset: 0 },
    lastFrame: { global: 2, offset: 0 },
    cpuId: cpu.id,
    frameSize: cpu.frameSize,
    frameStride: cpu.frameStride,
    shared: cpu.memory.shared,
    tailCalls: cpu.machine.platform.limits.tailCalls,
    helpers: cpu.machine.helpers,
    address: (insn) => {
      const { source, imm, imm2 } = insn
      if (source === 'imm64') return imm2 === 0 ? imm >>> 0 : undefined
      const map = known.get(mapIndex(insn) ?? -1)
      if (map === undefined || source === 'map_idx') return map?.address
      return { ...(map.data as ImportedAddress), offset: imm2 }
    },
    map: (address) => byAddress.get(address),
    codeIndex: (_program, slot) => code.get(slot),
  }
}

function mapIndex({ source, imm }: LddwInsn): number | undefined {
  return source === 'map_idx' || source === 'map_idx_value' ? imm : undefined
}
