/**
 * How structural checks say no: they look at the whole program, so they say themselves which instruction is meant.
 * @module
 */
import { Rejection, type RejectionFacts } from '../rejection.ts'
import type { RejectionCode } from '../report/codes.ts'

/** Refuses the program because of the instruction at `slot` (-1: of no one instruction). `message` is Linux's wording. */
export function refuse(
  code: RejectionCode,
  message: string | readonly string[],
  slot: number = -1,
  facts: RejectionFacts = {},
): never {
  throw new Rejection(code, typeof message === 'string' ? [message] : message, facts, slot)
}
