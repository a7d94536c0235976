/**
 * Programs before addresses are known: a wide load names a map by its index, as RFC 9669, section 5.4, has it.
 * @see https://www.rfc-editor.org/rfc/rfc9669#section-5.4
 * @module
 */
import type { Instruction } from '../isa/instruction.ts'
import { AnybpfError } from '../util/index.ts'

/** What a wide load leads to: a map, or, with an offset, a byte of its only value. */
export interface MapPlace {
  readonly slot: number
  readonly index: number
  readonly offset?: number
}

/** A copy in which the wide loads at these slots name maps by index, whatever they held. */
export function nameMaps(insns: readonly Instruction[], places: readonly MapPlace[]): Instruction[] {
  const named = insns.slice()
  for (const { slot, index, offset } of places) {
    const insn = named[slot]
    if (insn?.kind !== 'lddw') throw new AnybpfError('ERR_INTERNAL', `insn ${slot} is no wide load`)
    const source = offset === undefined ? 'map_idx' : 'map_idx_value'
    named[slot] = { kind: 'lddw', source, dst: insn.dst, imm: index, imm2: offset ?? 0 }
  }
  return named
}

/** A copy in which the addresses of these maps, by index, have come in their places. */
export function bindMaps(
  insns: readonly Instruction[],
  maps: readonly { readonly address: number; readonly valueAddress: number }[],
): Instruction[] {
  return insns.map((insn) => {
    if (insn.kind !== 'lddw' || (insn.source !== 'map_idx' && insn.source !== 'map_idx_value')) return insn
    const map = maps[insn.imm]
    if (map === undefined) throw new AnybpfError('ERR_FORMAT', `no map ${insn.imm}: there are ${maps.length}`)
    const address = insn.source === 'map_idx' ? map.address : map.valueAddress + insn.imm2
    return { kind: 'lddw', source: 'imm64', dst: insn.dst, imm: address | 0, imm2: 0 }
  })
}
