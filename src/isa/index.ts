/**
 * The BPF instruction set (RFC 9669 and what Linux added since): one table, and all that is derived from it.
 * @module
 */
export { type AssembleOptions, assemble } from './assemble.ts'
export * from './cfg.ts'
export { decodeInstruction, decodeProgram } from './decode.ts'
export {
  type DisassembleOptions,
  type DisassemblyLine,
  disassemble,
  type FormatOptions,
  formatInstruction,
  labelTargets,
  type PrintOptions,
  printDisassembly,
} from './disassemble.ts'
export { computeDominators, type Dominators, dominates } from './dominators.ts'
export { cfgToDot, type DotOptions } from './dot.ts'
export { encodeInstruction, encodeProgram } from './encode.ts'
export { instructionRow, WIDE_TAIL } from './encoding.ts'
export type * from './facts.ts'
export {
  conformanceGroups,
  INSTRUCTION_GROUPS,
  type InstructionGroup,
  type InstructionGroupInfo,
} from './groups.ts'
export type * from './instruction.ts'
export type { InstructionRow, InstructionShape, OperandForm } from './instruction-row.ts'
export { INSTRUCTION_TABLE } from './instruction-table.ts'
export * from './loops.ts'
export type { AssemblySyntax } from './text-template.ts'
export { branchTarget, type ProgramProblem, validateProgram } from './validate.ts'
