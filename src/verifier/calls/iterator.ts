/**
 * Open-coded iterators: an object on the stack that `new` makes, `next` moves until it gives NULL, and `destroy` ends.
 *
 * `next` is taken to give NULL sooner or later, and then for ever. So two things can happen at it: it is drained, and
 * the path goes on after the loop; or it gives an element, and the loop is gone through once more, until that brings
 * nothing new.
 * @see https://docs.ebpf.io/linux/concepts/loops/#open-coded-iterators
 * @module
 */
import type { KfuncSpec } from '../../spec/index.ts'
import { ZERO } from '../domain/scalar.ts'
import type { Environment } from '../environment.ts'
import { pushBranch } from '../explore/branches.ts'
import { findPreviousEntry, widenImpreciseScalars } from '../explore/widen.ts'
import { checkMemoryAccess } from '../memory/access.ts'
import { markSlotRead } from '../memory/stack.ts'
import { reject } from '../rejection.ts'
import { constantReg, type IteratorInfo, Reg, StackSlot, type State } from '../state.ts'
import { MEM_RCU, PTR_TO_STACK, PTR_UNTRUSTED, STACK_ITER } from '../types.ts'
import type { CallContext } from './context.ts'
import { notNull } from './null.ts'
import { acquireReference, releaseReference } from './references.ts'
import { begins, clearSlot, isWholly, NOWHERE, stackFrame, stackObjectSlot, writeSlot } from './stack-object.ts'

/** Objects that RCU protects stay as long as this part of the program lasts. */
export function inRcuSection(env: Environment): boolean {
  const { activeRcuLocks, activeLocks, inSleepable } = env.cur
  return activeRcuLocks > 0 || activeLocks > 0 || !inSleepable
}

export function iteratorInfo(reg: Reg): IteratorInfo {
  return reg.target as IteratorInfo
}

/** `iter_num`: what messages call an iterator of this structure. */
const shortName = (struct: string): string => struct.replace(/^bpf_/, '')

function make(env: Environment, regno: number, struct: string, slots: number, kfunc: KfuncSpec): void {
  const reg = env.cur.reg(regno)
  const messages: string[] = []
  const found = stackObjectSlot(env, reg, 'iter', slots, messages)
  let taken = found === NOWHERE
  for (let i = 0; i < slots && found >= 0; i++) taken ||= begins(stackFrame(env, reg), found - i, STACK_ITER)
  if (taken) {
    const message = `expected uninitialized ${shortName(struct)} as arg #${regno - 1}`
    reject('iterator', [...messages, message], { regno })
  }
  for (let i = 0; i < slots; i++) checkMemoryAccess(env, env.insn, regno, i * 8, 8, 'write', -1, false, false)
  const spi = stackObjectSlot(env, reg, 'iter', slots, messages)
  const id = acquireReference(env)
  const inRcu = inRcuSection(env)
  const guarded = kfunc.flags.includes('rcu_protected')
  const type = guarded ? PTR_TO_STACK | (inRcu ? MEM_RCU : PTR_UNTRUSTED) : PTR_TO_STACK
  const info: IteratorInfo = { kind: 'iterator', type: struct, state: 'active', depth: 0, rcu: guarded }
  for (let i = 0; i < slots; i++) {
    writeSlot(env, reg.aux, spi - i, STACK_ITER, new Reg(type, ZERO, 0, 0, i === 0 ? id : 0, 0, info))
  }
}

/** The slot of the iterator that argument `regno` points to. */
function find(env: Environment, regno: number, struct: string, slots: number, kfunc: KfuncSpec): number {
  const reg = env.cur.reg(regno)
  const messages: string[] = []
  const spi = stackObjectSlot(env, reg, 'iter', slots, messages)
  const frame = stackFrame(env, reg)
  let valid = spi >= 0
  for (let i = 0; i < slots && valid; i++) {
    const slot = frame.stack[spi - i]!
    if (isWholly(frame, spi - i, STACK_ITER) && slot.reg.type & PTR_UNTRUSTED) {
      reject('iterator', `expected an RCU CS when using ${kfunc.name}`, { regno })
    }
    valid =
      isWholly(frame, spi - i, STACK_ITER) &&
      (slot.reg.refObjId !== 0) === (i === 0) &&
      iteratorInfo(slot.reg).type === struct
  }
  if (valid) return spi
  const message = `expected an initialized ${shortName(struct)} as arg #${regno - 1}`
  return reject('iterator', [...messages, message], { regno })
}

/** Argument `regno` of an iterator's function, or of one that takes an iterator, is of this structure of `size` bytes. */
export function checkIterator(
  env: Environment,
  regno: number,
  struct: string,
  size: number,
  kfunc: KfuncSpec,
  call: CallContext,
): void {
  const reg = env.cur.reg(regno)
  if (reg.type !== PTR_TO_STACK) {
    reject('iterator', `arg#${regno - 1} expected pointer to an iterator on stack`, { regno })
  }
  const slots = size / 8
  if (kfunc.flags.includes('iter_new')) {
    make(env, regno, struct, slots, kfunc)
    return
  }
  const spi = find(env, regno, struct, slots, kfunc)
  for (let i = 0; i < slots; i++) markSlotRead(env, reg.aux, spi - i)
  const first = stackFrame(env, reg).stack[spi]!.reg
  call.iteratorFrame = reg.aux
  call.iteratorSlot = spi
  call.refObjId = first.refObjId
  if (!kfunc.flags.includes('iter_destroy')) return
  releaseReference(env, first.refObjId)
  for (let i = 0; i < slots; i++) clearSlot(env, reg.aux, spi - i)
}

/** Whether what `next` gives is protected by the RCU section in which the iterator was made. */
export function iteratesUnderRcu(env: Environment, call: CallContext): boolean {
  return (env.cur.frames[call.iteratorFrame]!.stack[call.iteratorSlot]!.reg.type & MEM_RCU) !== 0
}

function change(state: State, call: CallContext, next: 'active' | 'drained', depth: number): void {
  const frame = state.writable(call.iteratorFrame)
  const slot = frame.stack[call.iteratorSlot]!
  const info = { ...iteratorInfo(slot.reg), state: next, depth }
  frame.stack[call.iteratorSlot] = new StackSlot(slot.bytes, slot.reg.withTarget(info))
}

/** After `next`, with r0 what it may give: another round waits as a branch, and this path goes on with NULL. */
export function stepIterator(env: Environment, call: CallContext): void {
  const state = env.cur
  const info = iteratorInfo(state.frames[call.iteratorFrame]!.stack[call.iteratorSlot]!.reg)
  if (info.state === 'active') {
    const { parent } = state
    const previous = parent === undefined ? undefined : findPreviousEntry(env, parent, env.insn)
    const round = pushBranch(env, env.insn + 1, env.insn, false)
    change(round, call, 'active', info.depth + 1)
    if (previous !== undefined) widenImpreciseScalars(env, previous, round)
    round.setReg(0, notNull(round.reg(0)))
  }
  change(state, call, 'drained', info.depth)
  state.setReg(0, constantReg(0))
}
