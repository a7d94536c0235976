/**
 * What the verifier knew, instruction by instruction: the abstract states of one verification, kept by the chain of calls
 * that leads to them. The soundness self-check holds running programs against it.
 *
 * Registers and stack slots are immutable, so a record is references. Frames are not: a recorded frame loses its owner,
 * and whoever writes it next copies it first.
 * @module
 */
import type { Platform } from '../../spec/index.ts'
import { checkProgram, createEnvironment } from '../check-program.ts'
import type { Environment } from '../environment.ts'
import type { VerifierObserver, VerifierProgram, VerifyOptions } from '../program.ts'
import { Rejection } from '../rejection.ts'
import type { Frame, State } from '../state.ts'

/** What was known before an instruction was checked, on one path. */
export interface RecordedState {
  /** From the outermost function of the chain to the one that the instruction is in. */
  readonly frames: readonly Frame[]
  /** The checkpoint that was made of it, whose marks say which scalars matter; undefined if none was. */
  readonly checkpoint: State | undefined
}

/** States of one instruction, in one chain of calls. */
export interface RecordedPlace {
  readonly states: RecordedState[]
  /** Which of them a run was found in last: the first to look at. */
  recent: number
}

/** A function as one chain of calls reaches it. */
export class RecordedFunction {
  /** Slot of the call; -1 for what is verified at the root. */
  readonly callsite: number
  readonly subprogno: number
  private readonly places = new Map<number, RecordedPlace>()
  private readonly callees: RecordedFunction[] = []

  constructor(callsite: number, subprogno: number) {
    this.callsite = callsite
    this.subprogno = subprogno
  }

  /** The states before the instruction at `slot`; undefined if the verifier never came there. */
  at(slot: number): RecordedPlace | undefined {
    return this.places.get(slot)
  }

  /** The function that is called from here, if the verifier walked into it. */
  callee(callsite: number, subprogno: number): RecordedFunction | undefined {
    for (const callee of this.callees) {
      if (callee.callsite === callsite && callee.subprogno === subprogno) return callee
    }
    return undefined
  }

  /** For the recorder. */
  place(slot: number): RecordedPlace {
    let place = this.places.get(slot)
    if (place === undefined) {
      place = { states: [], recent: 0 }
      this.places.set(slot, place)
    }
    return place
  }

  /** For the recorder. */
  enter(callsite: number, subprogno: number): RecordedFunction {
    const known = this.callee(callsite, subprogno)
    if (known !== undefined) return known
    const callee = new RecordedFunction(callsite, subprogno)
    this.callees.push(callee)
    return callee
  }

  /** All slots that have states, in this chain alone. */
  slots(): IterableIterator<number> {
    return this.places.keys()
  }

  /** The functions that are called from here. */
  get called(): readonly RecordedFunction[] {
    return this.callees
  }
}

/** Most states that are kept: about 200 bytes each, and what they hold. */
const MAX_STATES = 1_000_000

/** The records of one verification. */
export class RecordedStates implements VerifierObserver {
  /** By index of the subprogram: the program, global functions, asynchronous callbacks. */
  private readonly roots = new Map<number, RecordedFunction>()
  /** States that were kept. */
  count = 0
  /** There were more than are kept: what is missing here may have been seen all the same. */
  truncated = false

  readonly onInsn = (insn: number, state: State): void => {
    // What only a mispredicting CPU does, no run does.
    if (state.speculative) return
    if (this.count >= MAX_STATES) {
      this.truncated = true
      return
    }
    const { frames } = state
    const place = this.functionOf(frames).place(insn)
    const checkpoint = checkpointOf(state, insn)
    const last = place.states[place.states.length - 1]
    if (last !== undefined && checkpoint === undefined && sameFrames(last.frames, frames)) return
    for (const frame of frames) frame.owner = undefined
    place.states.push({ frames: frames.slice(), checkpoint })
    this.count++
  }

  /** A function that is verified at the root. */
  root(subprogno: number): RecordedFunction | undefined {
    return this.roots.get(subprogno)
  }

  /** Every function, in every chain that reaches it. */
  *functions(): Generator<RecordedFunction, void, undefined> {
    const open = [...this.roots.values()]
    for (let one = open.pop(); one !== undefined; one = open.pop()) {
      yield one
      open.push(...one.called)
    }
  }

  private functionOf(frames: readonly Frame[]): RecordedFunction {
    const { subprogno } = frames[0]!
    let at = this.roots.get(subprogno)
    if (at === undefined) {
      at = new RecordedFunction(-1, subprogno)
      this.roots.set(subprogno, at)
    }
    for (let i = 1; i < frames.length; i++) at = at.enter(frames[i]!.callsite, frames[i]!.subprogno)
    return at
  }
}

/** A checkpoint shares its frames with the state that it was made of, until that writes them. */
function checkpointOf(state: State, insn: number): State | undefined {
  const { parent } = state
  return parent !== undefined && parent.insn === insn && sameFrames(parent.frames, state.frames) ? parent : undefined
}

function sameFrames(a: readonly Frame[], b: readonly Frame[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** What a verification that accepted its program has left. */
export interface VerifiedFacts {
  readonly program: VerifierProgram
  /** As the verification has left it: subprograms, liveness of registers. */
  readonly env: Environment
  readonly states: RecordedStates
  /** Verified with `strictPruning`: every value of a run lies within a state, not only those that matter. */
  readonly strict: boolean
}

/** Verifies a program and keeps what is known on the way; a rejection is given back. */
export function recordVerification(
  program: VerifierProgram,
  platform: Platform,
  options: VerifyOptions,
): VerifiedFacts | Rejection {
  const states = new RecordedStates()
  const env = createEnvironment(program, platform, { ...options, observer: states })
  try {
    checkProgram(env)
  } catch (failure) {
    if (!(failure instanceof Rejection)) throw failure
    failure.insn ??= env.insn
    return failure
  }
  return { program, env, states, strict: options.strictPruning === true }
}
