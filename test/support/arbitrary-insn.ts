/**
 * Random instructions and programs, built from the instruction table: every encoding that exists can come out.
 * @module
 */
import fc from 'fast-check'
import { instructionFromFields, WIDE_TAIL } from '../../src/isa/encoding.ts'
import { INSTRUCTION_TABLE, type Instruction, type InstructionRow } from '../../src/isa/index.ts'
import { castImmediate } from '../../src/isa/opcode.ts'

/** The rows that encoding can produce. */
export const ENCODABLE_ROWS: readonly InstructionRow[] = INSTRUCTION_TABLE.filter((row) => !row.decodeOnly)

export const arbitraryRegister: fc.Arbitrary<number> = fc.integer({ min: 0, max: 10 })

/** 16 bits, signed; the edges often. */
export const arbitraryOff: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, 1, -1, 0x7fff, -0x8000),
  fc.integer({ min: -0x8000, max: 0x7fff }),
)

/** 32 bits, signed; the edges often. */
export const arbitraryImm: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, 1, -1, 0x7fffffff, -0x80000000, 0x7fff, -0x8000),
  fc.integer({ min: -0x80000000, max: 0x7fffffff }),
)

const arbitrarySpaces: fc.Arbitrary<number> = fc
  .tuple(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0, max: 0xffff }))
  .filter(([to, from]) => to !== from)
  .map(([to, from]) => castImmediate(to, from))

/** Any instruction of one row. */
export function arbitraryInsnOf(row: InstructionRow): fc.Arbitrary<Instruction> {
  const zero = fc.constant(0)
  const imm = row.imm === 'spaces' ? arbitrarySpaces : row.imm === 'value' ? arbitraryImm : zero
  return fc
    .tuple(
      row.dst === 'reg' ? arbitraryRegister : zero,
      row.src === 'reg' ? arbitraryRegister : zero,
      row.off === 'value' ? arbitraryOff : zero,
      imm,
      row.imm2 === 'value' ? arbitraryImm : zero,
    )
    .map(([dst, src, off, imm, imm2]) => instructionFromFields(row.shape, dst, src, off, imm, imm2))
}

/** Any instruction of these rows, all by default, each row as often as another. Never a wide tail by itself. */
export function arbitraryInsn(rows: readonly InstructionRow[] = ENCODABLE_ROWS): fc.Arbitrary<Instruction> {
  return fc.oneof(...rows.map(arbitraryInsnOf))
}

/** A slot-indexed program of such instructions; its branches go anywhere. */
export function arbitraryInsns(
  options: { readonly rows?: readonly InstructionRow[]; readonly maxLength?: number } = {},
): fc.Arbitrary<Instruction[]> {
  return fc
    .array(arbitraryInsn(options.rows), { minLength: 1, maxLength: options.maxLength ?? 20 })
    .map((insns) => withTails(insns))
}

/** Puts the second slot behind each wide instruction. */
export function withTails(insns: readonly Instruction[]): Instruction[] {
  const program: Instruction[] = []
  for (const insn of insns) {
    program.push(insn)
    if (insn.kind === 'lddw') program.push(WIDE_TAIL)
  }
  return program
}
