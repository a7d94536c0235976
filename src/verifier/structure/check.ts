/**
 * Everything that is checked before exploration, in Linux's order: which of several mistakes is reported depends on it.
 * @module
 */
import type { Environment } from '../environment.ts'
import { checkAttachment } from './attachment.ts'
import { checkControlFlow } from './control-flow.ts'
import { markFastcalls } from './fastcall.ts'
import { checkFunctionInfo, checkFunctionLayout } from './function-info.ts'
import { computeComponents, computePostorder } from './graph.ts'
import { computeLiveRegisters } from './live-registers.ts'
import { resolveReferences } from './references.ts'
import { refuse } from './refuse.ts'
import { checkSubprograms, findSubprograms } from './subprograms.ts'

/** Longest program of a trusted author, and of one who may not loop. */
export const MAX_INSNS = 1_000_000
const MAX_INSNS_UNPRIVILEGED = 4096

const PASSES: readonly ((env: Environment) => void)[] = [
  checkFunctionInfo,
  findSubprograms,
  checkSubprograms,
  checkFunctionLayout,
  resolveReferences,
  checkControlFlow,
  computePostorder,
  checkAttachment,
  computeComponents,
  computeLiveRegisters,
  markFastcalls,
]

/**
 * Refuses what is malformed; fills `subprograms`, `subprogramOf`, `insnFlags`, `liveRegisters`, `scc`, `postorder` of
 * the environment. Time is linear in the length of the program (live registers: times the depth of its loops).
 */
export function checkStructure(env: Environment): void {
  const limit = env.permissions.bpfCapable ? MAX_INSNS : MAX_INSNS_UNPRIVILEGED
  if (env.insns.length === 0) refuse('invalid_program', 'the program has no instructions')
  if (env.insns.length > limit) {
    refuse('too_large', `the program has ${env.insns.length} instructions, more than ${limit}`)
  }
  for (const pass of PASSES) {
    pass(env)
    env.charge(env.insns.length)
  }
}
