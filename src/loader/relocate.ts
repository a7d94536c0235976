/**
 * Turns the symbols that are left in a linked program into numbers: addresses of maps, of bytes in global data, and of
 * kernel symbols that the caller supplies.
 * @module
 */
import type { Instruction } from '../isa/index.ts'
import type { LinkedProgram as LinkedSpec, ObjectSpec } from '../object/index.ts'
import { AnybpfError } from '../util/index.ts'
import type { LinkedProgram } from '../vm/index.ts'

/** Where things are. Each throws an `AnybpfError` for a name that has no place. */
export interface Addresses {
  map(name: string): number
  /** Of byte `offset` in the value of a global data map. */
  mapValue(name: string, offset: number): number
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

function withAddress(insn: Instruction | undefined, address: number, at: string): Instruction {
  if (insn?.kind !== 'lddw') throw new AnybpfError('ERR_LINK', `${at}: a symbol's address needs a wide load`)
  return { kind: 'lddw', source: 'imm64', dst: insn.dst, imm: address | 0, imm2: Math.floor(address / 2 ** 32) | 0 }
}
