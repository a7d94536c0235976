/**
 * What a row of the instruction table says.
 *
 * **Text templates.** `kernel` and `conformance` give the texts of an instruction: the first one whose missing fields
 * are zero is what the disassembler prints; the assembler accepts all. Between the literal tokens stand fields,
 * `{form:field}`, where field is `dst`, `src`, `off`, `imm` or `imm2` as encoded:
 *
 * | form | text |
 * |---|---|
 * | `r`, `w`, `%` | a register: `r1`, `w1` (its lower half), `%r1` |
 * | `imm` | a signed 32-bit number; in hexadecimal any 32 bits |
 * | `imm32` | the same for 32-bit operations, where an unsigned decimal number means the same bits |
 * | `imm64` | the 64 bits of `imm` and `imm2` |
 * | `sum`, `sum+` | `+ 4`, `- 4` or nothing; `sum+` without the blank |
 * | `goto` | a branch distance: `+3`, `-2`, `pc+3`, or a label |
 * | `local` | a function of this program: `pc+3`, or a label |
 * | `helper`, `kfunc` | a function's number: `1`, `name#1`, or a name that the caller resolves |
 * | `hi`, `lo` | the upper or lower 16 bits, unsigned |
 *
 * @see https://www.rfc-editor.org/rfc/rfc9669
 * @module
 */
import type { InstructionGroup } from './groups.ts'
import type { AccessSize, AluOp, AtomicOp, JumpOp, LddwSource } from './instruction.ts'

/** Where the second operand stands: in a register or in the immediate. */
export type OperandForm = 'reg' | 'imm'

/** The constant part of a decoded instruction: everything that the encoding's row determines. */
export type InstructionShape =
  | { readonly kind: 'alu'; readonly op: AluOp; readonly width: 32 | 64; readonly form: OperandForm }
  | { readonly kind: 'neg'; readonly width: 32 | 64 }
  | { readonly kind: 'movsx'; readonly width: 32 | 64; readonly bits: 8 | 16 | 32 }
  | { readonly kind: 'addr_space_cast' }
  | { readonly kind: 'endian'; readonly op: 'le' | 'be' | 'bswap'; readonly bits: 16 | 32 | 64 }
  | { readonly kind: 'load'; readonly size: AccessSize; readonly signed: boolean }
  | { readonly kind: 'store'; readonly size: AccessSize; readonly form: OperandForm }
  | { readonly kind: 'atomic'; readonly op: AtomicOp; readonly size: AccessSize; readonly fetch: boolean }
  | { readonly kind: 'load_acquire'; readonly size: AccessSize }
  | { readonly kind: 'store_release'; readonly size: AccessSize }
  | { readonly kind: 'load_packet'; readonly mode: 'abs' | 'ind'; readonly size: 1 | 2 | 4 }
  | { readonly kind: 'lddw'; readonly source: LddwSource }
  | { readonly kind: 'jump'; readonly op: JumpOp; readonly width: 32 | 64; readonly form: OperandForm }
  | { readonly kind: 'goto'; readonly wide: boolean }
  | { readonly kind: 'goto_indirect' }
  | { readonly kind: 'may_goto' }
  | { readonly kind: 'call'; readonly target: 'helper' | 'local' | 'kfunc' }
  | { readonly kind: 'callx' }
  | { readonly kind: 'exit' }

export interface InstructionRow {
  /** Unique name of the encoding, e.g. `add64_imm`. */
  readonly name: string
  readonly opcode: number
  /** A number is what the field must hold; zero for an unused one (RFC 9669, section 3.1). */
  readonly dst: 'reg' | number
  readonly src: 'reg' | number
  readonly off: 'value' | number
  /** `spaces`: two different address spaces. `reg`: a register number above 0. */
  readonly imm: 'value' | 'spaces' | 'reg' | number
  /** Only where the encoding is wide: the immediate of the second slot. */
  readonly imm2?: 'value' | number
  readonly shape: InstructionShape
  readonly kernel: readonly string[]
  readonly conformance: readonly string[]
  readonly group: InstructionGroup
  readonly since: string
  /** What it does, in one line. */
  readonly semantics: string
  /** An older encoding of another row's instruction: decoded, never produced. */
  readonly decodeOnly?: true
}
