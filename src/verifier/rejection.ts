/**
 * How a check says no, inside the verifier: an exception that carries what the report needs. It never leaves `verify`.
 * @module
 */
import type { RejectionCode } from './report/codes.ts'

/** What a check knew when it refused: numbers and names for the explanation, by their usual names. */
export interface RejectionFacts {
  /** The register that is at fault. */
  readonly regno?: number
  /** Its frame, if it is not the current one. */
  readonly frameno?: number
  readonly [fact: string]: unknown
}

/** An exception without a stack trace: one is thrown for each rejected program, and speculative paths throw many. */
export class Rejection {
  readonly code: RejectionCode
  /** Lines as Linux logs them, without line breaks; the last one is the verdict's reason. */
  readonly lines: readonly string[]
  readonly facts: RejectionFacts
  /** Where Linux says it, if not at the instruction that is being checked: -1 for none (a check of the whole program). */
  insn: number | undefined

  constructor(code: RejectionCode, lines: readonly string[], facts: RejectionFacts = {}, insn?: number) {
    this.code = code
    this.lines = lines
    this.facts = facts
    this.insn = insn
  }
}

/** Refuses the program. `message` is Linux's wording, to the letter where Linux has one: tools read it. */
export function reject(code: RejectionCode, message: string | readonly string[], facts?: RejectionFacts): never {
  throw new Rejection(code, typeof message === 'string' ? [message] : message, facts)
}
