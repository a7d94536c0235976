/**
 * Interrupts off: `bpf_local_irq_save` and the locks that turn them off keep what was before in eight bytes of stack,
 * and are undone in the opposite order.
 * @module
 */
import { ZERO } from '../domain/scalar.ts'
import type { Environment } from '../environment.ts'
import { checkMemoryAccess } from '../memory/access.ts'
import { markSlotRead } from '../memory/stack.ts'
import { reject } from '../rejection.ts'
import { type IrqInfo, Reg, type State } from '../state.ts'
import { PTR_TO_STACK, STACK_IRQ_FLAG } from '../types.ts'
import { acquireReference } from './references.ts'
import { begins, clearSlot, isWholly, stackFrame, stackObjectSlot, UNTOUCHED, writeSlot } from './stack-object.ts'

/** Forgets the innermost saved state. Whether `id` was that. */
function releaseIrq(state: State, id: number): boolean {
  if (id !== state.activeIrqId) return false
  const at = state.references.findIndex((one) => one.kind === 'irq' && one.id === id)
  const before = state.references.slice(0, at).findLast((one) => one.kind === 'irq')
  state.references = state.references.filter((_, i) => i !== at)
  state.activeIrqId = before?.id ?? 0
  return true
}

function save(env: Environment, regno: number, by: IrqInfo['save']): void {
  const reg = env.cur.reg(regno)
  const messages: string[] = []
  const found = stackObjectSlot(env, reg, 'irq_flag', 1, messages)
  if (found !== UNTOUCHED && (found < 0 || begins(stackFrame(env, reg), found, STACK_IRQ_FLAG))) {
    reject('argument_type', [...messages, `expected uninitialized irq flag as arg#${regno - 1}`], { regno })
  }
  checkMemoryAccess(env, env.insn, regno, 0, 8, 'write', -1, false, false)
  const spi = stackObjectSlot(env, reg, 'irq_flag', 1, messages)
  const id = acquireReference(env, 'irq')
  env.cur.activeIrqId = id
  const saved = new Reg(PTR_TO_STACK, ZERO, 0, 0, id, 0, { kind: 'irq', save: by })
  writeSlot(env, reg.aux, spi, STACK_IRQ_FLAG, saved)
}

function restore(env: Environment, regno: number, by: IrqInfo['save']): void {
  const state = env.cur
  const reg = state.reg(regno)
  const facts = { regno }
  const messages: string[] = []
  const spi = stackObjectSlot(env, reg, 'irq_flag', 1, messages)
  const frame = stackFrame(env, reg)
  if (spi < 0 || !isWholly(frame, spi, STACK_IRQ_FLAG)) {
    reject('argument_type', [...messages, `expected an initialized irq flag as arg#${regno - 1}`], facts)
  }
  markSlotRead(env, reg.aux, spi)
  const saved = frame.stack[spi]!.reg
  const { save: savedBy } = saved.target as IrqInfo
  if (savedBy !== by) {
    reject('critical_section', `irq flag acquired by ${savedBy} kfuncs cannot be restored with ${by} kfuncs`, facts)
  }
  if (!releaseIrq(state, saved.refObjId)) {
    const expected = state.activeIrqId
    const insn = state.references.find((one) => one.id === expected)?.insn ?? 0
    const message = `cannot restore irq state out of order, expected id=${expected} acquired at insn_idx=${insn}`
    reject('critical_section', message, facts)
  }
  clearSlot(env, reg.aux, spi)
}

/** Argument `regno` is where this kernel function keeps, or finds, the saved state. */
export function checkIrqFlag(env: Environment, regno: number, name: string): void {
  const by = name.startsWith('bpf_res_spin') ? 'lock' : 'native'
  if (name === 'bpf_local_irq_save' || name === 'bpf_res_spin_lock_irqsave') save(env, regno, by)
  else restore(env, regno, by)
}
