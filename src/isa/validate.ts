/**
 * What must hold of a program's structure before anything else makes sense: branches land on instructions, and control
 * does not run off the end.
 * @see https://www.rfc-editor.org/rfc/rfc9669#section-4.3
 * @module
 */
import type { Instruction } from './instruction.ts'

export interface ProgramProblem {
  readonly slot: number
  readonly message: string
}

/** The slot that a branch, a local call or a function's address at `slot` leads to; undefined for other instructions. */
export function branchTarget(insn: Instruction, slot: number): number | undefined {
  switch (insn.kind) {
    case 'jump':
    case 'goto':
    case 'may_goto':
      return slot + 1 + insn.off
    case 'call':
      return insn.target === 'local' ? slot + 1 + insn.imm : undefined
    case 'lddw':
      return insn.source === 'code_addr' ? slot + 1 + insn.imm : undefined
    default:
      return undefined
  }
}

/**
 * All structural problems of a slot-indexed program, in order; empty where it may be walked. Never throws.
 * A program of a relocatable object has problems until its calls are relocated.
 */
export function validateProgram(insns: readonly Instruction[]): ProgramProblem[] {
  const problems: ProgramProblem[] = []
  const report = (slot: number, message: string): void => {
    problems.push({ slot, message })
  }
  if (insns.length === 0) report(0, 'the program is empty')
  for (let slot = 0; slot < insns.length; slot++) {
    const insn = insns[slot]!
    if (insn.kind === 'lddw' && insns[slot + 1]?.kind !== 'wide_tail') report(slot, 'lddw without its second slot')
    if (insn.kind === 'wide_tail' && insns[slot - 1]?.kind !== 'lddw') report(slot, 'second slot of no lddw')
    const target = branchTarget(insn, slot)
    if (target === undefined) continue
    const what = insn.kind === 'call' ? 'call' : insn.kind === 'lddw' ? 'address' : 'jump'
    if (!(target >= 0 && target < insns.length)) {
      report(slot, `${what} to slot ${target}, outside the program of ${insns.length} slots`)
    } else if (insns[target]!.kind === 'wide_tail') {
      report(slot, `${what} into the middle of the lddw at slot ${target - 1}`)
    }
  }
  const last = insns.at(-1)
  if (last !== undefined && last.kind !== 'exit' && last.kind !== 'goto' && last.kind !== 'goto_indirect') {
    report(insns.length - 1, 'control runs off the end: the last instruction is neither exit nor goto')
  }
  return problems
}
