/**
 * The walk over the graph of the whole program, calls included: nothing is unreachable, no jump leads into the middle of
 * an instruction, and (for authors who may not loop) nothing leads back.
 *
 * It also settles where states are compared later, because the order in which Linux finds that out shows: which slots
 * are prune points, jump points and forced checkpoints, and which functions move packets or may sleep.
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
import type { CallInsn } from '../../isa/index.ts'
import {
  type Environment,
  INSN_CALLS_CALLBACK,
  INSN_FORCE_CHECKPOINT,
  INSN_ITER_NEXT,
  INSN_JUMP_POINT,
  INSN_PRUNE_POINT,
} from '../environment.ts'
import { helperAvailable, helperSignature } from './calls.ts'
import {
  isAsynchronousKernelCallback,
  isIteratorNext,
  isSynchronousKernelCallback,
  kernelFunctionSpec,
} from './kernel-functions.ts'
import { refuse } from './refuse.ts'

/*
 * State of a slot during the walk:
 *
 *     7      5  4    1  0
 *  +---------+----+----+----+
 *  | explored| on |  edges  |   edges that are done: 1 the following instruction, 2 the branch as well
 *  +---------+----+----+----+
 */
const FOLLOWING = 1
const BRANCH = 2
const ON_STACK = 0x10
const EXPLORED = 0x20

const NEW_SLOT = true
const NO_NEW_SLOT = false

/** Helpers that call a function back while they run. */
const CALLS_BACK: ReadonlySet<number> = new Set([164, 180, 181, 209])
/** `timer_set_callback`: the function runs later. */
const TIMER_SET_CALLBACK = 170

/** Refuses what cannot be walked; fills `env.insnFlags` and the effects of `env.subprograms`. */
export function checkControlFlow(env: Environment): void {
  const walk = new Walk(env)
  walk.from(0)
  const exceptionCallback = env.subprograms.find((one) => one.isExceptionCallback)
  if (exceptionCallback !== undefined) walk.from(exceptionCallback.start)
  walk.checkReached()
}

class Walk {
  private readonly env: Environment
  private readonly state: Uint8Array
  private readonly stack: Int32Array
  private depth = 0

  constructor(env: Environment) {
    this.env = env
    this.state = new Uint8Array(env.insns.length)
    this.stack = new Int32Array(env.insns.length)
  }

  from(slot: number): void {
    if (this.state[slot] === EXPLORED) return
    this.state[slot] = ON_STACK
    this.stack[0] = slot
    this.depth = 1
    while (this.depth > 0) {
      const at = this.stack[this.depth - 1]!
      this.env.charge(1)
      if (this.visit(at) === NO_NEW_SLOT) {
        this.state[at] = EXPLORED
        this.depth--
      }
    }
  }

  checkReached(): void {
    const { insns } = this.env
    for (let slot = 0; slot < insns.length; slot++) {
      if (this.state[slot] !== EXPLORED) refuse('unreachable', `unreachable insn ${slot}`, slot)
      if (insns[slot]!.kind !== 'lddw') continue
      if (this.state[slot + 1] !== 0) {
        refuse('jump_into_wide', `jump into the middle of ldimm64 insn ${slot}`, slot)
      }
      slot++
    }
  }

  /** Takes the next edge that is not done yet. */
  private visit(slot: number): boolean {
    const { env } = this
    const insn = env.insns[slot]!
    switch (insn.kind) {
      case 'exit':
        return NO_NEW_SLOT
      case 'lddw':
        if (insn.source === 'code_addr') return this.function(slot, 2, slot + 1 + insn.imm)
        return this.edge(slot, slot + 2, FOLLOWING)
      case 'call':
        this.call(insn, slot)
        return this.function(slot, 1, insn.target === 'local' ? slot + 1 + insn.imm : undefined)
      case 'goto': {
        const target = slot + 1 + insn.off
        if (this.edge(slot, target, FOLLOWING) === NEW_SLOT) return NEW_SLOT
        env.setFlag(target, INSN_PRUNE_POINT | INSN_JUMP_POINT)
        return NO_NEW_SLOT
      }
      case 'jump':
      case 'may_goto':
        env.setFlag(slot, insn.kind === 'may_goto' ? INSN_PRUNE_POINT | INSN_FORCE_CHECKPOINT : INSN_PRUNE_POINT)
        if (this.edge(slot, slot + 1, FOLLOWING) === NEW_SLOT) return NEW_SLOT
        return this.edge(slot, slot + 1 + insn.off, BRANCH)
      default:
        return this.edge(slot, slot + 1, FOLLOWING)
    }
  }

  /** A call, or the address of a function: what is behind it, then the function itself. */
  private function(slot: number, slots: number, callee: number | undefined): boolean {
    const { env } = this
    if (this.edge(slot, slot + slots, FOLLOWING) === NEW_SLOT) return NEW_SLOT
    // Control comes here from the callee's exit.
    env.setFlag(slot + slots, INSN_PRUNE_POINT | INSN_JUMP_POINT)
    if (callee === undefined) return NO_NEW_SLOT
    env.setFlag(slot, INSN_PRUNE_POINT)
    const from = env.subprograms[env.subprogramOf[slot]!]!
    const to = env.subprograms[env.subprogramOf[callee]!]!
    // The callee is walked before this instruction is left for good, so the last merge sees all of its effects.
    if (to.changesPacket) from.changesPacket = true
    if (to.mightSleep) from.mightSleep = true
    return this.edge(slot, callee, BRANCH)
  }

  /** What kind of call it is. */
  private call(insn: CallInsn, slot: number): void {
    const { env } = this
    const subprogram = env.subprograms[env.subprogramOf[slot]!]!
    if (insn.target === 'helper') {
      if (insn.imm === TIMER_SET_CALLBACK) env.setFlag(slot, INSN_PRUNE_POINT)
      if (CALLS_BACK.has(insn.imm)) this.callsBack(slot)
      const signature = helperSignature(env, insn.imm)
      if (signature?.mightSleep === true && helperAvailable(env, insn.imm)) subprogram.mightSleep = true
      if (signature?.changesPacket === true) subprogram.changesPacket = true
    } else if (insn.target === 'kfunc') {
      if (isAsynchronousKernelCallback(env, slot)) env.setFlag(slot, INSN_PRUNE_POINT)
      if (isSynchronousKernelCallback(env, slot)) this.callsBack(slot)
      if (isIteratorNext(env, slot)) env.setFlag(slot, INSN_PRUNE_POINT | INSN_FORCE_CHECKPOINT | INSN_ITER_NEXT)
      const spec = kernelFunctionSpec(env, slot)
      if (spec?.flags.includes('sleepable') === true) subprogram.mightSleep = true
      if (spec?.name === 'bpf_xdp_pull_data') subprogram.changesPacket = true
    }
  }

  private callsBack(slot: number): void {
    this.env.setFlag(slot, INSN_CALLS_CALLBACK | INSN_FORCE_CHECKPOINT | INSN_PRUNE_POINT | INSN_JUMP_POINT)
  }

  private edge(slot: number, target: number, edge: number): boolean {
    const { env, state } = this
    if (state[slot]! >= (ON_STACK | edge)) return NO_NEW_SLOT
    if (!(target >= 0 && target < env.insns.length)) {
      refuse('jump_out_of_range', `jump out of range from insn ${slot} to ${target}`, slot, { target })
    }
    if (edge === BRANCH) env.setFlag(target, INSN_PRUNE_POINT | INSN_JUMP_POINT)
    const there = state[target]!
    if (there === 0) {
      state[slot] = ON_STACK | edge
      state[target] = ON_STACK
      this.stack[this.depth++] = target
      return NEW_SLOT
    }
    if (there === EXPLORED) {
      state[slot] = ON_STACK | edge
    } else if (!env.permissions.bpfCapable) {
      refuse('infinite_loop', `back-edge from insn ${slot} to ${target}`, slot, { target })
    }
    return NO_NEW_SLOT
  }
}
