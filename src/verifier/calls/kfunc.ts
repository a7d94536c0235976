/**
 * Calls of kernel functions.
 * @see https://docs.kernel.org/bpf/kfuncs.html
 * @see https://docs.ebpf.io/linux/kfuncs/
 * @module
 */
import type { CallInsn } from '../../isa/index.ts'
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import { kernelFunctionName } from '../structure/kernel-functions.ts'

/** Checks the call of a kernel function at env.insn. Whether it is an exception, so that the path ends here. */
export function checkKfuncCall(env: Environment, insn: CallInsn): boolean {
  const name = kernelFunctionName(env, env.insn)
  if (name === undefined)
    return reject('unknown_function', `invalid kernel function call not eliminated in verifier pass`)
  return reject('helper_not_allowed', `calling kernel function ${name} is not allowed`, { id: insn.imm })
}
