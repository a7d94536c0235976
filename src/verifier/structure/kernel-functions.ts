/**
 * Calls of kernel functions, as far as they matter before anything is executed: which one it is, how many arguments
 * it takes, whether it iterates, calls back, or may sleep.
 * @see https://docs.kernel.org/bpf/kfuncs.html
 * @module
 */
import type { BtfFuncProto } from '../../btf/index.ts'
import type { CallInsn } from '../../isa/index.ts'
import type { KfuncSpec } from '../../spec/index.ts'
import type { Environment } from '../environment.ts'
import { refuse } from './refuse.ts'

const MAX_KERNEL_FUNCTIONS = 256

/** The name of the kernel function that the call at `slot` means; undefined if nothing says so. */
export function kernelFunctionName(env: Environment, slot: number): string | undefined {
  const reference = env.references.get(slot)
  if (reference !== undefined) return reference.kind === 'kfunc' ? reference.name : undefined
  const insn = env.insns[slot] as CallInsn
  const type = insn.off === 0 ? env.kernelBtf?.get(insn.imm) : undefined
  return type?.kind === 'func' ? type.name : undefined
}

/** What the platform says of it; undefined if the platform has no such function. */
export function kernelFunctionSpec(env: Environment, slot: number): KfuncSpec | undefined {
  const name = kernelFunctionName(env, slot)
  return name === undefined ? undefined : env.platform.kfuncs?.get(name)
}

/** Its prototype in the kernel's BTF. */
export function kernelFunctionPrototype(env: Environment, name: string): BtfFuncProto | undefined {
  const type = env.kernelBtf?.find(name, 'func')
  const prototype = type === undefined ? undefined : env.kernelBtf?.get(type.type)
  return prototype?.kind === 'func_proto' ? prototype : undefined
}

/** How many arguments it takes, and whether it returns nothing. Undefined if neither the kernel's BTF nor the platform says. */
export function kernelFunctionShape(env: Environment, slot: number): { args: number; isVoid: boolean } | undefined {
  const name = kernelFunctionName(env, slot)
  if (name === undefined) return undefined
  const prototype = kernelFunctionPrototype(env, name)
  if (prototype !== undefined) {
    return { args: prototype.params.length, isVoid: prototype.returnType === 0 }
  }
  const text = env.platform.kfuncs?.get(name)?.prototype
  return text === undefined ? undefined : shapeOf(text)
}

/** From C: `int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end)`. No argument is itself a function. */
function shapeOf(prototype: string): { args: number; isVoid: boolean } {
  const open = prototype.indexOf('(')
  const list = prototype.slice(open + 1, prototype.lastIndexOf(')')).trim()
  const head = prototype.slice(0, open)
  return {
    args: list === '' || list === 'void' ? 0 : list.split(',').length,
    isVoid: /\bvoid\b/.test(head) && !head.includes('*'),
  }
}

/** Refuses a call of a kernel function that cannot be made at all. `seen` are those that were found before. */
export function checkKernelFunctions(env: Environment, slot: number, seen: Set<string>): void {
  if (seen.size === 0 && !env.gplCompatible) {
    refuse('gpl_only', 'cannot call kernel function from non-GPL compatible program', slot)
  }
  const insn = env.insns[slot] as CallInsn
  const reference = env.references.get(slot)
  // An id of zero is a weak function that the kernel does not have: it is refused when control comes there.
  if (reference === undefined && insn.imm === 0 && insn.off === 0) return
  const name = kernelFunctionName(env, slot) ?? `${insn.imm} ${insn.off}`
  if (seen.has(name)) return
  if (seen.size >= MAX_KERNEL_FUNCTIONS) {
    refuse('too_large', 'too many different kernel function calls', slot)
  }
  if (reference === undefined) checkFunctionId(env, insn, slot)
  seen.add(name)
}

/** By number, and not by name: of a type in the kernel's BTF, or in a module's that nobody gave here. */
function checkFunctionId(env: Environment, insn: CallInsn, slot: number): void {
  if (insn.off !== 0) {
    const why =
      insn.off < 0
        ? 'negative offset disallowed for kernel module function call'
        : 'kfunc offset > 0 without fd_array is invalid'
    refuse('unknown_function', [why, 'failed to find BTF for kernel function'], slot)
  }
  if (insn.imm >= 0 && env.kernelBtf === undefined) return
  if (env.kernelBtf?.get(insn.imm)?.kind !== 'func') {
    refuse('unknown_function', `kernel btf_id ${insn.imm >>> 0} is not a function`, slot)
  }
}

/** `bpf_iter_num_next` and its kind. */
export function isIteratorNext(env: Environment, slot: number): boolean {
  const spec = kernelFunctionSpec(env, slot)
  return spec?.flags.includes('iter_next') === true
}

/** They run their callback later, when the program is over. */
const ASYNCHRONOUS: ReadonlySet<string> = new Set([
  'bpf_wq_set_callback_impl',
  'bpf_task_work_schedule_signal',
  'bpf_task_work_schedule_resume',
  'bpf_task_work_schedule_signal_impl',
  'bpf_task_work_schedule_resume_impl',
])

export function isAsynchronousKernelCallback(env: Environment, slot: number): boolean {
  return ASYNCHRONOUS.has(kernelFunctionName(env, slot) ?? '')
}

export function isSynchronousKernelCallback(env: Environment, slot: number): boolean {
  return kernelFunctionName(env, slot) === 'bpf_rbtree_add_impl'
}
