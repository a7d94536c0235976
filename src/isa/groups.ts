/**
 * Conformance groups: which parts of the instruction set a program needs and a runtime has.
 *
 * The first seven are RFC 9669's; the others gather what Linux or clang have added since, one group for each addition.
 * @see https://www.rfc-editor.org/rfc/rfc9669#section-2.4
 * @module
 */
import { instructionRow } from './encoding.ts'
import type { Instruction } from './instruction.ts'

export interface InstructionGroupInfo {
  readonly name: string
  /** Groups that support for this one implies. */
  readonly includes: readonly string[]
  readonly since: string
  readonly about: string
}

export const INSTRUCTION_GROUPS = [
  { name: 'base32', includes: [], since: 'RFC 9669', about: 'what every implementation has: 32-bit operations' },
  { name: 'base64', includes: ['base32'], since: 'RFC 9669', about: '64-bit operations' },
  { name: 'atomic32', includes: [], since: 'RFC 9669', about: '32-bit atomic operations' },
  { name: 'atomic64', includes: ['atomic32'], since: 'RFC 9669', about: '64-bit atomic operations' },
  { name: 'divmul32', includes: [], since: 'RFC 9669', about: '32-bit multiplication, division and modulo' },
  { name: 'divmul64', includes: ['divmul32'], since: 'RFC 9669', about: '64-bit multiplication, division and modulo' },
  { name: 'packet', includes: [], since: 'RFC 9669', about: 'packet access inherited from classic BPF (deprecated)' },
  { name: 'callx', includes: [], since: 'clang', about: 'call through a register' },
  { name: 'may_goto', includes: [], since: 'Linux 6.9', about: 'loops that the runtime bounds' },
  { name: 'addr_space_cast', includes: [], since: 'Linux 6.9', about: 'conversion between address spaces (arena)' },
  {
    name: 'load_acquire_store_release',
    includes: [],
    since: 'Linux 6.15',
    about: 'loads and stores that order the accesses around them',
  },
  { name: 'indirect_jump', includes: [], since: 'Linux 6.19', about: 'jump through a register' },
] as const satisfies readonly InstructionGroupInfo[]

export type InstructionGroup = (typeof INSTRUCTION_GROUPS)[number]['name']

/**
 * The groups whose instructions occur in the program, without those that they include: `atomic64` does not bring
 * `atomic32` with it unless a 32-bit atomic occurs too.
 */
export function conformanceGroups(insns: readonly Instruction[]): Set<InstructionGroup> {
  const groups = new Set<InstructionGroup>()
  for (const insn of insns) {
    const row = instructionRow(insn)
    if (row !== undefined) groups.add(row.group)
  }
  return groups
}
