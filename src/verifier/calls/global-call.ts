/**
 * A call of a global function: its arguments are what its contract asks for. The function is not walked into.
 * @see https://docs.ebpf.io/linux/concepts/functions/#global-functions
 * @module
 */
import type { Environment, GlobalArgument, SubprogramInfo } from '../environment.ts'
import { checkHelperMemory } from '../memory/helper-access.ts'
import { Rejection, reject } from '../rejection.ts'
import { isNullConstant } from '../state.ts'
import { prepareArguments } from '../structure/arguments.ts'
import { maybeNull, PTR_TO_ARENA, PTR_TO_CTX, SCALAR_VALUE } from '../types.ts'
import { checkArgumentType } from './argument-types.ts'
import { CallContext } from './context.ts'
import { checkDynptrArgument } from './dynptr.ts'
import { notNull } from './null.ts'
import { checkArgumentOffset } from './pointers.ts'

/** Refuses the call unless the caller's registers are what the contract of `subprogram` asks for. */
export function checkGlobalCall(env: Environment, subprogram: SubprogramInfo): void {
  try {
    const args = prepareArguments(env, subprogram) ?? []
    for (const [i, arg] of args.entries()) checkGlobalArgument(env, arg, i)
  } catch (failure) {
    if (!(failure instanceof Rejection) || failure.facts['malformed'] === true) throw failure
    const { code, lines, facts, insn } = failure
    const verdict = `Caller passes invalid args into func#${subprogram.index} ('${subprogram.name}')`
    // The types are valid; what they leave open is not enough for a contract.
    const untyped = code === 'invalid_btf'
    throw new Rejection(
      untyped ? 'argument_type' : code,
      [...lines, verdict],
      untyped ? { ...facts, contract: subprogram.name } : facts,
      insn,
    )
  }
}

function checkGlobalArgument(env: Environment, arg: GlobalArgument, index: number): void {
  const regno = index + 1
  const reg = env.cur.reg(regno)
  const facts = { regno, arg: index }
  switch (arg.kind) {
    case 'scalar':
      if (reg.type !== SCALAR_VALUE) reject('argument_type', `R${regno} is not a scalar`, facts)
      return
    case 'untrusted_mem':
    case 'untrusted_btf':
      // Such memory is only read, by loads that cannot fault.
      return
    case 'ctx':
      checkArgumentOffset(env, reg, regno, 'plain')
      if (reg.type !== PTR_TO_CTX) reject('argument_type', `arg#${index} expects pointer to ctx`, facts)
      return
    case 'mem':
    case 'mem_or_null':
      checkArgumentOffset(env, reg, regno, 'plain')
      checkMemoryArgument(env, regno, arg.size)
      if (arg.kind === 'mem' && maybeNull(reg.type)) {
        reject('argument_null', `arg#${index} is expected to be non-NULL`, facts)
      }
      return
    case 'arena':
      if (reg.type !== PTR_TO_ARENA && reg.type !== SCALAR_VALUE) {
        reject('argument_type', `R${regno} is not a pointer to arena or scalar.`, facts)
      }
      return
    case 'dynptr':
      checkArgumentOffset(env, reg, regno, 'plain')
      checkDynptrArgument(env, regno, { uninit: false, readOnly: true, type: undefined, cloneOf: undefined })
      return
    case 'trusted_btf':
    case 'trusted_btf_or_null': {
      const nullable = arg.kind === 'trusted_btf_or_null'
      if (nullable && isNullConstant(reg)) return
      const btfType = arg.btf?.get(arg.btfType)?.name ?? ''
      const spec = nullable ? ({ kind: 'btf', btfType, nullable } as const) : ({ kind: 'btf', btfType } as const)
      checkArgumentType(env, reg, regno, spec, new CallContext(undefined, undefined))
      checkArgumentOffset(env, reg, regno, 'plain')
    }
  }
}

/** Memory that the function may read and write; NULL is one of its cases. */
function checkMemoryArgument(env: Environment, regno: number, size: number): void {
  const reg = env.cur.reg(regno)
  if (isNullConstant(reg)) return
  const nullable = maybeNull(reg.type)
  if (nullable) env.cur.setReg(regno, notNull(reg))
  checkHelperMemory(env, regno, size, 'read', true, undefined)
  checkHelperMemory(env, regno, size, 'write', true, undefined)
  if (nullable) env.cur.setReg(regno, reg)
}
