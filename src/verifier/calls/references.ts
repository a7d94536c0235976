/**
 * Resources that a program acquired and has to give back: sockets, ring-buffer records, iterators, saved interrupt
 * state. A pointer to one carries its `refObjId`; giving it back makes every copy of that pointer useless.
 * @see https://docs.kernel.org/bpf/verifier.html#reference-tracking
 * @module
 */
import type { Environment } from '../environment.ts'
import { mapRegisters } from '../memory/packet.ts'
import { reject } from '../rejection.ts'
import { type Reference, type Reg, type State, UNINITIALISED, UNKNOWN_SCALAR } from '../state.ts'
import { NON_OWN_REF } from '../types.ts'

/** What a pointer becomes whose object is gone: a number, or for authors who may not see addresses, nothing. */
export function invalidated(env: Environment): Reg {
  return env.permissions.allowPointerLeaks ? UNKNOWN_SCALAR : UNINITIALISED
}

/** Checkpoints may keep every list of references that there was: who holds thousands at a time pays for each list. */
const REFERENCE_BYTES = 8

/** Notes that the current instruction acquired something; its id. */
export function acquireReference(env: Environment, kind: 'object' | 'irq' = 'object'): number {
  const id = env.newId()
  const state = env.cur
  env.exploration.countTable(REFERENCE_BYTES * (state.references.length + 1))
  state.references = [...state.references, { kind, id, insn: env.insn }]
  return id
}

/** Forgets a reference, not the pointers to it. Whether there was one. */
export function forgetReference(state: State, id: number): boolean {
  const at = state.references.findIndex((one) => one.kind === 'object' && one.id === id)
  if (at < 0) return false
  state.references = state.references.filter((_, i) => i !== at)
  return true
}

/** Gives a reference back and invalidates what points to it. Whether there was one. */
export function releaseReference(env: Environment, id: number): boolean {
  if (!forgetReference(env.cur, id)) return false
  const gone = invalidated(env)
  mapRegisters(env.cur, (reg) => (reg.refObjId === id ? gone : reg))
  return true
}

/** Borrowed pointers into lists and trees are good only as long as the lock is held. */
export function invalidateNonOwning(env: Environment): void {
  const gone = invalidated(env)
  mapRegisters(env.cur, (reg) => (reg.type & NON_OWN_REF ? gone : reg))
}

function lingers(env: Environment, reference: Reference, exception: boolean): boolean {
  if (reference.kind !== 'object') return false
  // A struct_ops program may hand a kernel object back as its result.
  const returned = env.program.type === 'struct_ops' && !exception && env.cur.reg(0).refObjId === reference.id
  return !returned
}

/** The lines that say which references are still held where the program leaves; none: all is well. */
export function referenceLeaks(env: Environment, exception: boolean): readonly string[] {
  const state = env.cur
  if (state.references.length === 0 || (!exception && state.curframe > 0)) return []
  return state.references
    .filter((one) => lingers(env, one, exception))
    .map((one) => `Unreleased reference id=${one.id} alloc_insn=${one.insn}`)
}

/**
 * Nothing may be held where a program leaves: at exit, at a tail call, before a packet load that may abort, at a throw.
 * `what` begins the message: `BPF_EXIT instruction in main prog`, `tail_call`, `BPF_LD_[ABS|IND]`, `bpf_throw`. With
 * `locks`, critical sections count too.
 */
export function checkResourceLeak(env: Environment, exception: boolean, locks: boolean, what: string): void {
  const state = env.cur
  if (locks && state.activeLocks > 0) {
    reject('lock_held', `${what} cannot be used inside bpf_spin_lock-ed region`)
  }
  const leaks = referenceLeaks(env, exception)
  if (leaks.length > 0) {
    const held = state.references.find((one) => lingers(env, one, exception))
    reject('unreleased_reference', [...leaks, `${what} would lead to reference leak`], { acquiredAt: held?.insn })
  }
  if (!locks) return
  const section =
    state.activeIrqId !== 0
      ? 'bpf_local_irq_save'
      : state.activeRcuLocks > 0
        ? 'bpf_rcu_read_lock'
        : state.activePreemptLocks > 0
          ? 'bpf_preempt_disable'
          : undefined
  if (section !== undefined) reject('critical_section', `${what} cannot be used inside ${section}-ed region`)
}
