/**
 * Which functions a program consists of: the entry, what is called, and what has its address taken. A function reaches
 * from its first instruction to the next function's; no jump may leave it, and control may not run off its end.
 * @see https://docs.kernel.org/bpf/bpf_design_QA.html#q-can-bpf-programs-call-other-bpf-programs
 * @module
 */
import type { Instruction } from '../../isa/index.ts'
import type { Environment, SubprogramInfo } from '../environment.ts'
import type { VerifierFunction } from '../program.ts'
import { findExceptionCallback } from './function-info.ts'
import { checkKernelFunctions } from './kernel-functions.ts'
import { refuse } from './refuse.ts'

export const MAX_SUBPROGRAMS = 256

/** The slot that an instruction calls, or takes the address of; undefined for all others. */
export function functionTarget(insn: Instruction, slot: number): number | undefined {
  if (insn.kind === 'call') return insn.target === 'local' ? slot + 1 + insn.imm : undefined
  if (insn.kind === 'lddw') return insn.source === 'code_addr' ? slot + 1 + insn.imm : undefined
  return undefined
}

/** The subprogram that begins at `slot`, or -1. */
export function subprogramAt(env: Environment, slot: number): number {
  if (slot < 0 || slot >= env.insns.length) return -1
  const index = env.subprogramOf[slot]!
  return env.subprograms[index]!.start === slot ? index : -1
}

/** Finds the functions, and the kernel functions that are called; fills `env.subprograms` and `env.subprogramOf`. */
export function findSubprograms(env: Environment): void {
  const { insns } = env
  const starts = new Set([0])
  const exceptionCallback = findExceptionCallback(env)
  if (exceptionCallback !== undefined) addStart(env, starts, exceptionCallback, -1)
  const kernelFunctions = new Set<string>()
  for (let slot = 0; slot < insns.length; slot++) {
    const insn = insns[slot]!
    const target = functionTarget(insn, slot)
    const kernel = insn.kind === 'call' && insn.target === 'kfunc'
    if (target === undefined && !kernel) continue
    if (!env.permissions.bpfCapable) {
      refuse(
        'not_supported',
        'loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN',
        slot,
      )
    }
    if (target !== undefined) addStart(env, starts, target, slot)
    else checkKernelFunctions(env, slot, kernelFunctions)
  }
  const sorted = [...starts].sort((a, b) => a - b)
  const functions = new Map((env.program.functions ?? []).map((one) => [one.slot, one]))
  env.subprograms = sorted.map((start, index) =>
    createSubprogram(index, start, sorted[index + 1] ?? insns.length, functions.get(start)),
  )
  for (const { index, start, end } of env.subprograms) env.subprogramOf.fill(index, start, end)
  if (exceptionCallback !== undefined) {
    const callback = env.subprograms[env.subprogramOf[exceptionCallback]!]!
    callback.isCallback = true
    callback.isAsyncCallback = true
    callback.isExceptionCallback = true
  }
}

function addStart(env: Environment, starts: Set<number>, start: number, slot: number): void {
  if (!(start >= 0 && start < env.insns.length)) {
    refuse('jump_out_of_range', 'call to invalid destination', slot, { target: start })
  }
  if (starts.has(start)) return
  if (starts.size >= MAX_SUBPROGRAMS) refuse('too_many_subprograms', 'too many subprograms', slot)
  starts.add(start)
}

function createSubprogram(
  index: number,
  start: number,
  end: number,
  declared: VerifierFunction | undefined,
): SubprogramInfo {
  return {
    index,
    start,
    end,
    name: declared?.name ?? '',
    linkage: declared?.linkage ?? 'static',
    btfType: declared?.btfType,
    stackDepth: 0,
    hasTailCall: false,
    tailCallReachable: false,
    hasLoadPacket: false,
    isCallback: false,
    isAsyncCallback: false,
    isExceptionCallback: false,
    changesPacket: false,
    mightSleep: false,
    called: false,
    args: undefined,
    argsPrepared: false,
    fastcallStackOffset: 0,
    freesFastcallStack: false,
    keepsFastcallStack: false,
  }
}

const TAIL_CALL = 12

/** Jumps stay inside of their function, and a function ends where control ends. */
export function checkSubprograms(env: Environment): void {
  const { insns, subprograms } = env
  for (const subprogram of subprograms) {
    const { start, end } = subprogram
    for (let slot = start; slot < end; slot++) {
      const insn = insns[slot]!
      if (insn.kind === 'call') {
        if (insn.target === 'helper' && insn.imm === TAIL_CALL) {
          subprogram.hasTailCall = true
          subprogram.tailCallReachable = true
        }
      } else if (insn.kind === 'load_packet') {
        subprogram.hasLoadPacket = true
      } else if (
        insn.kind === 'jump' ||
        insn.kind === 'goto' ||
        insn.kind === 'may_goto' ||
        insn.kind === 'goto_indirect'
      ) {
        const target = slot + 1 + (insn.kind === 'goto_indirect' ? 0 : insn.off)
        if (!(target >= start && target < end)) {
          refuse('jump_out_of_range', `jump out of range from insn ${slot} to ${target}`, slot, { target })
        }
      }
    }
    const last = insns[end - 1]!
    // What is no instruction stands here as one that falls through, or as an exit whose fields are wrong.
    if (last.kind !== 'exit' && last.kind !== 'goto') {
      refuse('fall_off_end', 'last insn is not an exit or jmp', end - 1)
    }
  }
}
