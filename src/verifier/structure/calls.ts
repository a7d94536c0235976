/**
 * What is known of a call before it is executed: how many arguments it reads, and whether it returns anything.
 * @module
 */
import type { CallInsn } from '../../isa/index.ts'
import { type HelperSignature, signatureFor } from '../../spec/index.ts'
import type { Environment } from '../environment.ts'
import { kernelFunctionShape } from './kernel-functions.ts'

export interface CallShape {
  readonly args: number
  readonly isVoid: boolean
}

/** What a verifier asks of a call of this helper in this program; undefined if there is no such helper, or nothing is said. */
export function helperSignature(env: Environment, id: number): HelperSignature | undefined {
  const helper = env.platform.helpers.get(id)
  return helper === undefined ? undefined : signatureFor(helper, env.programType.name)
}

/** Whether this program may call this helper, leaving licences aside. */
export function helperAvailable(env: Environment, id: number): boolean {
  const helper = env.platform.helpers.get(id)
  if (helper === undefined) return false
  // Pointers leak to those alone who may see kernel memory anyway.
  if (!env.permissions.allowPointerLeaks && helperSignature(env, id)?.perfmon === true) return false
  const rules = env.programType.rules
  return rules === undefined || rules.allowsHelper(helper, env.program.attachType)
}

/** Undefined where it is not known, as for a helper that will be refused. */
export function callShape(env: Environment, insn: CallInsn, slot: number): CallShape | undefined {
  if (insn.target === 'kfunc') return kernelFunctionShape(env, slot)
  if (insn.target === 'local' || !helperAvailable(env, insn.imm)) return undefined
  const helper = env.platform.helpers.get(insn.imm)!
  const signature = helperSignature(env, insn.imm)
  return {
    args: signature?.args.length ?? helper.args.length,
    isVoid: signature === undefined ? helper.returns === 'void' : signature.returns.kind === 'void',
  }
}
