/**
 * The tests of the numbered statements of `docs/verifier.md`, as data: under each statement's id, programs that are
 * accepted and programs that are rejected because of it. `statements.test.ts` asks this verifier and, where it may, the
 * running kernel.
 * @module
 */
import type { VerifyCase } from '../../support/verifier-cases.ts'
import { CALLS } from './calls.ts'
import { MEMORY } from './memory.ts'
import { VERDICT } from './verdict.ts'

export const STATEMENTS: Readonly<Record<string, readonly VerifyCase[]>> = { ...VERDICT, ...MEMORY, ...CALLS }
