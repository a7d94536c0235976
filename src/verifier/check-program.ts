/**
 * One verification from beginning to end: the structure, the entry function, the global functions that it calls, the
 * depth of the stack. Throws a `Rejection` where the program fails.
 * @module
 */
import type { Platform } from '../spec/index.ts'
import { AnybpfError, milliseconds } from '../util/index.ts'
import { Environment, type GlobalArgument, INSN_SEEN, type Permissions, type SubprogramInfo } from './environment.ts'
import { beginExploration } from './explore/exploration.ts'
import { explore } from './explore/explore.ts'
import { checkAttachTarget } from './memory/attach-target.ts'
import type { VerifierProgram, VerifyOptions } from './program.ts'
import { reject } from './rejection.ts'
import { CONTEXT_POINTER, Frame, pointerReg, type Reg, State, UNKNOWN_SCALAR } from './state.ts'
import { prepareArguments } from './structure/arguments.ts'
import { checkStructure } from './structure/check.ts'
import { kernelFunctionName } from './structure/kernel-functions.ts'
import { checkStackDepth } from './structure/stack-depth.ts'
import {
  CONST_PTR_TO_DYNPTR,
  MEM_RDONLY,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_MEM,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  type RegType,
} from './types.ts'

/** `BPF_COMPLEXITY_LIMIT_INSNS`. */
export const DEFAULT_INSN_LIMIT = 1_000_000

/** Licences that may call what is restricted to the GPL: what Linux's module loader takes as compatible. */
const GPL_COMPATIBLE: ReadonlySet<string> = new Set([
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
])

export function createEnvironment(
  program: VerifierProgram,
  platform: Platform,
  options: VerifyOptions,
  start: number = milliseconds(),
): Environment {
  const programType = platform.programTypes.get(program.type)
  if (programType === undefined) {
    throw new AnybpfError('ERR_USAGE', `${program.name}: ${platform.name} has no program type ${program.type}`)
  }
  const author = options.author ?? platform.author ?? 'untrusted'
  return new Environment({
    program,
    platform,
    programType,
    options,
    permissions: permissionsOf(author),
    gplCompatible: GPL_COMPATIBLE.has(program.license),
    strictAlignment: options.alignment === 'strict',
    insnLimit: options.insnLimit ?? DEFAULT_INSN_LIMIT,
    deadline: options.timeLimit === undefined ? Number.POSITIVE_INFINITY : start + options.timeLimit,
  })
}

function permissionsOf(author: 'trusted' | 'untrusted'): Permissions {
  const trusted = author === 'trusted'
  return {
    allowPointerLeaks: trusted,
    allowUninitialisedStack: trusted,
    bypassSpectreV1: trusted,
    bypassSpectreV4: trusted,
    bpfCapable: true,
  }
}

/** Everything that has to hold. */
export function checkProgram(env: Environment): void {
  env.insn = -1
  checkAttachTarget(env)
  checkStructure(env)
  checkFunction(env, env.subprograms[0]!)
  checkGlobals(env)
  env.insn = -1
  checkNoMissingFunction(env)
  checkStackDepth(env)
}

/** A kernel function that does not exist may be named only by code that cannot run. */
function checkNoMissingFunction(env: Environment): void {
  for (let slot = 0; slot < env.insns.length; slot++) {
    const insn = env.insns[slot]!
    if (insn.kind !== 'call' || insn.target !== 'kfunc' || !env.hasFlag(slot, INSN_SEEN)) continue
    const name = kernelFunctionName(env, slot)
    const reference = env.references.get(slot)
    const isMissing = reference?.kind === 'kfunc' && reference.weak && env.platform.kfuncs?.has(name ?? '') !== true
    if (name !== undefined && !isMissing) continue
    env.insn = slot
    reject('unknown_function', 'invalid kernel function call not eliminated in verifier pass')
  }
}

/** Global functions that verified code calls, and those that they call, each on its own: any arguments that its BTF allows. */
function checkGlobals(env: Environment): void {
  const verified = new Set<SubprogramInfo>()
  for (let found = true; found; ) {
    found = false
    for (const subprogram of env.subprograms) {
      if (subprogram.index === 0 || subprogram.linkage === 'static') continue
      if (verified.has(subprogram) || !(subprogram.called || subprogram.isExceptionCallback)) continue
      verified.add(subprogram)
      checkFunction(env, subprogram)
      env.log?.onFunctionSafe(env, subprogram)
      found = true
    }
  }
}

function checkFunction(env: Environment, subprogram: SubprogramInfo): void {
  const { index, start } = subprogram
  env.rootSubprogram = index
  beginExploration(env)
  env.pending.length = 0
  env.pendingHistory = 0
  env.pathLength = 0
  const state = new State()
  state.branches = 1
  state.inSleepable = env.program.sleepable === true
  const frame = new Frame({ callsite: -1, frameno: 0, subprogno: index }, state)
  state.frames.push(frame)
  state.insn = state.firstInsn = start
  env.cur = state
  env.insn = start
  env.previousInsn = -1
  if (index === 0 && env.program.type !== 'ext') {
    frame.regs[1] = CONTEXT_POINTER
    // Plain memory comes with its length, of which only a lower bound is known.
    if (env.programType.rules?.plainMemory === true) frame.regs[2] = UNKNOWN_SCALAR
  } else {
    prepareArguments(env, subprogram)
    frame.inExceptionCallback = subprogram.isExceptionCallback
    const args = subprogram.args ?? []
    for (let i = 0; i < args.length && i < 5; i++) frame.regs[i + 1] = argumentRegister(env, args[i]!)
  }
  explore(env)
}

/** What a global function may take for granted of an argument. */
function argumentRegister(env: Environment, arg: GlobalArgument): Reg {
  switch (arg.kind) {
    case 'ctx':
      return CONTEXT_POINTER
    case 'scalar':
      return UNKNOWN_SCALAR
    case 'mem':
      return pointerReg(PTR_TO_MEM, arg.size)
    case 'mem_or_null':
      return pointerReg(PTR_TO_MEM | PTR_MAYBE_NULL, arg.size).withId(env.newId())
    case 'untrusted_mem':
      return pointerReg(PTR_TO_MEM | PTR_UNTRUSTED | MEM_RDONLY, arg.size)
    case 'dynptr':
      return pointerReg(CONST_PTR_TO_DYNPTR, 0, {
        kind: 'dynptr',
        dynptr: 'local',
        readOnly: false,
        first: true,
      }).withId(env.newId())
    case 'arena':
      // Callers may pass an address of the arena or any number: it has to be cast before it is used.
      return UNKNOWN_SCALAR
    case 'trusted_btf':
      return btfArgument(env, arg, PTR_TRUSTED)
    case 'trusted_btf_or_null':
      return btfArgument(env, arg, PTR_TRUSTED | PTR_MAYBE_NULL)
    case 'untrusted_btf':
      return btfArgument(env, arg, PTR_UNTRUSTED)
  }
}

function btfArgument(env: Environment, arg: GlobalArgument, flags: RegType): Reg {
  const btf = arg.btf ?? env.kernelBtf
  const target = btf === undefined ? undefined : ({ kind: 'btf', btf, id: arg.btfType } as const)
  return pointerReg(PTR_TO_BTF_ID | flags, 0, target).withId(env.newId())
}
