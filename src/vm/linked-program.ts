/**
 * What an engine is given: instructions in which every symbol has become a number, and what belongs to them.
 * @module
 */
import type { ProgramFacts } from '../isa/facts.ts'
import type { Instruction } from '../isa/instruction.ts'
import type { ByteOrder } from '../util/bytes.ts'

/** Where an instruction came from; `LineInfo` of an object file is one. */
export interface SourceLine {
  readonly slot: number
  readonly file: string
  /** From 1; 0 if unknown. */
  readonly line: number
}

/**
 * A program with its subprograms behind it, indexed by slot, the entry at slot 0. Addresses of maps and of their values
 * have become `lddw` of source `imm64`; `code_addr` still names a slot, relative to the slot after its first (RFC 9669, section 5.4).
 */
export interface LinkedProgram {
  readonly name: string
  readonly insns: readonly Instruction[]
  /** Of the instructions; default `little`. A big-endian program can be linked, and is refused by engines. */
  readonly byteOrder?: ByteOrder
  /** In order of slot. */
  readonly lines?: readonly SourceLine[]
  /** Program type: a tail call leads only into programs of the same type. Default: none is known, as of both. */
  readonly type?: string
  /** A verifier accepted it: where accesses are not checked, it may run, and what it tail-calls is checked unless verified too. */
  readonly verified?: boolean
  /** What the verifier found out about it. */
  readonly facts?: ProgramFacts
  /** Bytes of the context in a record of a batch, a multiple of 8; default: there is none, r1 and r2 are given. */
  readonly contextBytes?: number
  /** Target slots of each `goto_indirect`, by the slot of the jump: all that it may jump to. */
  readonly indirectTargets?: ReadonlyMap<number, readonly number[]>
}

/** The line that the instruction at `slot` belongs to: the last one that starts at or before it. */
export function sourceLineAt(lines: readonly SourceLine[] | undefined, slot: number): SourceLine | undefined {
  if (lines === undefined) return undefined
  let low = 0
  let high = lines.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (lines[middle]!.slot <= slot) low = middle + 1
    else high = middle
  }
  return lines[low - 1]
}
