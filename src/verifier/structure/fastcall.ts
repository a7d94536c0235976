/**
 * Calls that leave registers alone (`bpf_fastcall`). Compilers save registers around such a call for the sake of kernels
 * that do not know it; where nothing else touches those stack slots, they do not count towards the stack's depth.
 * @see https://docs.kernel.org/bpf/llvm_reloc.html
 * @see https://clang.llvm.org/docs/AttributeReference.html#bpf-fastcall
 * @module
 */
import type { CallInsn, Instruction } from '../../isa/index.ts'
import type { Environment, SubprogramInfo } from '../environment.ts'
import { callShape } from './calls.ts'
import { kernelFunctionSpec } from './kernel-functions.ts'

/** `get_smp_processor_id`, which becomes a few instructions on x86-64; programs of these types get another form of it. */
const GET_SMP_PROCESSOR_ID = 8
const WITHOUT_FASTCALL: ReadonlySet<string> = new Set([
  'socket_filter',
  'cgroup_skb',
  'cgroup_sock',
  'cgroup_sock_addr',
  'cgroup_sockopt',
  'cgroup_sysctl',
  'cgroup_device',
  'sock_ops',
  'sk_skb',
  'sk_msg',
  'sk_reuseport',
  'sk_lookup',
  'flow_dissector',
  'netfilter',
])
const CALLER_SAVED = 6
const SLOT_BYTES = 8

/** Lower than any offset of a stack access: nothing counts as such a slot any more. */
const NEVER = -32768

/** Marks the stores and loads around such calls in `env.fastcallSlots`. */
export function markFastcalls(env: Environment): void {
  const { insns } = env
  for (const subprogram of env.subprograms) {
    let lowest = 0
    for (let slot = subprogram.start; slot < subprogram.end; slot++) {
      const insn = insns[slot]!
      if (isSave(insn) && insn.off < lowest) lowest = insn.off
    }
    if (lowest === 0) continue
    for (let slot = subprogram.start; slot < subprogram.end; slot++) {
      const insn = insns[slot]!
      if (insn.kind === 'call') markPattern(env, subprogram, insn, slot, lowest)
    }
  }
}

function isSave(insn: Instruction | undefined): insn is Extract<Instruction, { kind: 'store' }> {
  return insn?.kind === 'store' && insn.size === 8 && insn.base === 10 && 'reg' in insn.src
}

function markPattern(env: Environment, subprogram: SubprogramInfo, insn: CallInsn, slot: number, lowest: number): void {
  const shape = callShape(env, insn, slot)
  if (shape === undefined) return
  // Saved may be what the call would clobber and its prototype does not name.
  const named = ((1 << (shape.args + 1)) - 1) & ~(shape.isVoid ? 1 : 0)
  let left = ~named & ((1 << CALLER_SAVED) - 1)
  let pairs = 0
  let off = lowest
  for (; pairs < CALLER_SAVED; pairs++, off += SLOT_BYTES) {
    const save = env.insns[slot - pairs - 1]
    const restore = env.insns[slot + pairs + 1]
    if (!isSave(save) || !('reg' in save.src)) break
    if (restore?.kind !== 'load' || restore.size !== 8 || restore.signed || restore.base !== 10) break
    const { reg } = save.src
    if (restore.dst !== reg || (left & (1 << reg)) === 0 || save.off !== off || restore.off !== off) break
    left &= ~(1 << reg)
    env.fastcallSlots[slot - pairs - 1] = 1
    env.fastcallSlots[slot + pairs + 1] = 1
  }
  if (pairs === 0) return
  const fast =
    insn.target === 'helper'
      ? insn.imm === GET_SMP_PROCESSOR_ID && !WITHOUT_FASTCALL.has(env.program.type)
      : kernelFunctionSpec(env, slot)?.flags.includes('fastcall') === true
  if (fast) subprogram.freesFastcallStack = true
  else subprogram.keepsFastcallStack = true
  subprogram.fastcallStackOffset = Math.min(subprogram.fastcallStackOffset, off)
}

/** For each access to the own stack at `off`: if it is none of a pattern and touches its slots, there is no pattern. */
export function checkFastcallStack(env: Environment, subprogno: number, slot: number, off: number): void {
  const subprogram = env.subprograms[subprogno]!
  if (subprogram.fastcallStackOffset <= off || env.fastcallSlots[slot] === 1) return
  subprogram.fastcallStackOffset = NEVER
  env.fastcallSlots.fill(0, subprogram.start, subprogram.end)
}

/** Bytes of stack that the function needs, without slots that only such patterns use. */
export function neededStack(subprogram: SubprogramInfo): number {
  const { stackDepth, fastcallStackOffset, freesFastcallStack, keepsFastcallStack } = subprogram
  if (!freesFastcallStack || keepsFastcallStack || fastcallStackOffset === NEVER) return stackDepth
  return -fastcallStackOffset
}
