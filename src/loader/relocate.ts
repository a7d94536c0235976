/**
 * Turns the symbols that are left in a linked program into numbers: addresses of maps, of bytes in global data, and of
 * kernel symbols that the caller supplies.
 * @module
 */
import type { Instruction } from '../isa/index.ts'
import type { LinkedProgram as LinkedSpec, ObjectSpec } from '../object/index.ts'
import { AnybpfError } from '../util/index.ts'
import type { LinkedProgram } from '../vm/index.ts'

/** An address; or, before there are any, a map by its index, and of one with a single value, a byte in that. */
export type Place = number | { readonly map: number; readonly offset?: number }

/** Where things are. Each throws an `AnybpfError` for a name that has no place. */
export interface Addresses {
  map(name: string): Place
  /** Of byte `offset` in the value of a global data map. */
  mapValue(name: string, offset: number): Place
  /** Of a kernel symbol; 0 for a weak one that does not exist. */
  ksym(name: string): number
}

/**
 * The helper number that an unresolved weak kfunc is called by. Programs ask whether the symbol exists before they
 * call it, so the call is never reached; if it is, it is a fault that names it.
 */
const UNRESOLVED_CALL = 0x7fffffff

/** A program that an engine takes: as `linked`, with every reference replaced by its address. */
export function relocateProgram(spec: ObjectSpec, linked: LinkedSpec, addresses: Addresses): LinkedProgram {
  const { name } = linked.program
  const insns = linked.insns.slice()
  for (const reference of linked.references) {
    const at = `${name}: insn ${reference.slot}`
    const insn = insns[reference.slot]
    switch (reference.kind) {
      case 'map':
        insns[reference.slot] = withAddress(insn, addresses.map(reference.map), at)
        break
      case 'map_value':
        insns[reference.slot] = withAddress(insn, addresses.mapValue(reference.map, reference.offset), at)
        break
      case 'ksym':
        insns[reference.slot] = withAddress(insn, addresses.ksym(reference.extern), at)
        break
      case 'kfunc':
        if (spec.externs[reference.extern]?.weak !== true) {
          throw new AnybpfError('ERR_LINK', `${at}: no kernel function ${reference.extern}`)
        }
        insns[reference.slot] = { kind: 'call', target: 'helper', imm: UNRESOLVED_CALL, off: 0 }
        break
    }
  }
  return { name, insns, byteOrder: spec.byteOrder, lines: linked.lines }
}

function withAddress(insn: Instruction | undefined, place: Place, at: string): Instruction {
  if (insn?.kind !== 'lddw') throw new AnybpfError('ERR_LINK', `${at}: a symbol's address needs a wide load`)
  const { dst } = insn
  if (typeof place === 'number') return loadOf(dst, place)
  const { map, offset } = place
  if (offset === undefined) return { kind: 'lddw', source: 'map_idx', dst, imm: map, imm2: 0 }
  return { kind: 'lddw', source: 'map_idx_value', dst, imm: map, imm2: offset }
}

function loadOf(dst: number, address: number): Instruction {
  return { kind: 'lddw', source: 'imm64', dst, imm: address | 0, imm2: Math.floor(address / 2 ** 32) | 0 }
}

/** Instructions that name maps by index, with the addresses of these maps in their place. */
export function bindMaps(
  insns: readonly Instruction[],
  maps: readonly { readonly address: number; readonly valueAddress: number }[],
): Instruction[] {
  return insns.map((insn) => {
    if (insn.kind !== 'lddw' || (insn.source !== 'map_idx' && insn.source !== 'map_idx_value')) return insn
    const map = maps[insn.imm]
    if (map === undefined) throw new AnybpfError('ERR_LINK', `no map ${insn.imm}: there are ${maps.length}`)
    return loadOf(insn.dst, insn.source === 'map_idx' ? map.address : map.valueAddress + insn.imm2)
  })
}
