/**
 * The program as backtracking reads it: for each slot, which register takes its value from where. Lowered once, because
 * every precise scalar walks back over dozens of instructions.
 * @see https://www.rfc-editor.org/rfc/rfc9669
 * @module
 */

import type { Instruction, Operand } from '../../isa/index.ts'
import type { Environment } from '../environment.ts'

// What an instruction means when it is read backwards.
/** Neither makes a value nor ties two together. */
export const STEP_NONE = 0
/** `dst` is made from nothing that is tracked. */
export const STEP_CONSTANT = 1
/** `dst` is made from `src` alone. */
export const STEP_MOVE = 2
/** `dst` is made from itself and `src`. */
export const STEP_COMBINE = 3
/** `dst` comes from memory: of a tracked slot, or of nothing that is tracked. */
export const STEP_LOAD = 4
/** Memory at `dst` gets `src`; or a constant. */
export const STEP_STORE = 5
export const STEP_STORE_CONSTANT = 6
/** `dst` and `src` are compared. */
export const STEP_COMPARE = 7
export const STEP_CALL_LOCAL = 8
export const STEP_CALL = 9
export const STEP_EXIT = 10
/** `dst` comes from the packet: what makes it is not tracked. Beyond the packet, it ends the function. */
export const STEP_LOAD_PACKET = 11
export const STEP_TAIL_CALL = 12

/** Bit of `touches`: the instruction has to be looked at whatever is wanted. */
export const TOUCHES_ALL = 1 << 15

const TAIL_CALL = 'tail_call'

export class BacktrackCode {
  readonly steps: Uint8Array
  readonly dst: Uint8Array
  readonly src: Uint8Array
  /** Registers of which one has to be wanted for the instruction to matter, bit i for r_i; 0: it never does. */
  readonly touches: Uint16Array

  constructor(env: Environment) {
    const count = env.insns.length
    this.steps = new Uint8Array(count)
    this.dst = new Uint8Array(count)
    this.src = new Uint8Array(count)
    this.touches = new Uint16Array(count)
    for (let i = 0; i < count; i++) this.lower(env, i, env.insns[i]!)
  }

  private lower(env: Environment, at: number, insn: Instruction): void {
    switch (insn.kind) {
      case 'alu':
        if (insn.op === 'mov') this.operand(at, insn.dst, insn.src, STEP_MOVE, STEP_CONSTANT)
        else this.operand(at, insn.dst, insn.src, STEP_COMBINE, STEP_NONE)
        return
      case 'movsx':
      case 'addr_space_cast':
        this.set(at, STEP_MOVE, insn.dst, insn.src)
        return
      case 'lddw':
        this.set(at, STEP_CONSTANT, insn.dst, 0)
        return
      case 'load':
      case 'load_acquire':
        this.set(at, STEP_LOAD, insn.dst, 0)
        return
      case 'store':
        this.operand(at, insn.base, insn.src, STEP_STORE, STEP_STORE_CONSTANT)
        return
      case 'store_release':
        this.set(at, STEP_STORE, insn.base, insn.src)
        return
      case 'atomic':
        // What it fetches is a value of the memory, whose new value is not tracked.
        if (insn.fetch) this.set(at, STEP_LOAD, insn.op === 'cmpxchg' ? 0 : insn.src, 0)
        else this.set(at, STEP_STORE, insn.base, insn.src)
        return
      case 'load_packet':
        this.set(at, STEP_LOAD_PACKET, 0, 0)
        return
      case 'jump':
        this.operand(at, insn.dst, insn.src, STEP_COMPARE, STEP_NONE)
        return
      case 'call':
        if (insn.target === 'local') this.set(at, STEP_CALL_LOCAL, 0, 0)
        else this.set(at, isTailCall(env, insn) ? STEP_TAIL_CALL : STEP_CALL, 0, 0)
        return
      case 'callx':
        this.set(at, STEP_CALL, 0, 0)
        return
      case 'exit':
        this.set(at, STEP_EXIT, 0, 0)
        return
      case 'neg':
      case 'endian':
      case 'goto':
      case 'goto_indirect':
      case 'may_goto':
      case 'wide_tail':
        return
    }
  }

  private operand(at: number, dst: number, src: Operand, withRegister: number, withConstant: number): void {
    if ('reg' in src) this.set(at, withRegister, dst, src.reg)
    else this.set(at, withConstant, dst, 0)
  }

  private set(at: number, step: number, dst: number, src: number): void {
    this.steps[at] = step
    this.dst[at] = dst
    this.src[at] = src
    this.touches[at] = touchesOf(step, dst, src)
  }
}

function touchesOf(step: number, dst: number, src: number): number {
  switch (step) {
    case STEP_NONE:
      return 0
    case STEP_COMPARE:
      return (1 << dst) | (1 << src)
    case STEP_CALL_LOCAL:
    case STEP_CALL:
    case STEP_TAIL_CALL:
    case STEP_LOAD_PACKET:
    case STEP_EXIT:
      return TOUCHES_ALL
    default:
      return 1 << dst
  }
}

/** Whether a call may end the function that it is in. */
export function isTailCall(env: Environment, insn: { readonly target: string; readonly imm: number }): boolean {
  return insn.target === 'helper' && env.platform.helpers.get(insn.imm)?.name === TAIL_CALL
}
