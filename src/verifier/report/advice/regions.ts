/**
 * How much there is behind a pointer.
 * @module
 */
import type { Reg } from '../../state.ts'
import { baseType, PTR_TO_MAP_KEY, PTR_TO_MAP_VALUE, PTR_TO_MEM } from '../../types.ts'
import type { Scene } from '../scene.ts'

/** Bytes that a pointer may touch; undefined where that is no fixed number. */
export function regionSize(reg: Reg): number | undefined {
  switch (baseType(reg.type)) {
    case PTR_TO_MAP_VALUE:
      return reg.map.valueSize
    case PTR_TO_MAP_KEY:
      return reg.map.keySize
    case PTR_TO_MEM:
      return reg.aux
    default:
      return undefined
  }
}

/** The constant offset of the access itself. */
export function insnOffset(scene: Scene): number {
  const { insn } = scene
  return insn !== undefined && 'off' in insn && insn.kind !== 'call' && insn.kind !== 'jump' ? insn.off : 0
}
