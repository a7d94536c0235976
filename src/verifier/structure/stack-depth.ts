/**
 * How much stack the chains of calls need: at most 512 bytes and eight frames, and less before a tail call. Functions
 * that run on a private stack (tracing on x86-64) do not add up, but none may be larger than 512 bytes by itself.
 *
 * Calls are followed in the order of the program, as Linux does, since the first chain that is too long is reported. A
 * function that was found good at some depth is good at every lesser one: so each is walked only a few times, however
 * many chains lead to it.
 * @see https://docs.ebpf.io/linux/concepts/functions/
 * @module
 */
import type { Environment, SubprogramInfo } from '../environment.ts'
import { neededStack } from './fastcall.ts'
import { kernelFunctionName } from './kernel-functions.ts'
import { refuse } from './refuse.ts'
import { functionTarget } from './subprograms.ts'

const MAX_STACK = 512
const MAX_FRAMES = 8
/** Before a function that makes a tail call: it may start anew 33 times on top of these bytes. */
const MAX_STACK_BEFORE_TAIL_CALL = 256
const PRIVATE_STACK_MIN = 64

/** Something that matters in a function: `callee` of -1 is a `bpf_throw`. */
interface Step {
  readonly slot: number
  readonly callee: number
  /** The function is called, not only its address taken. */
  readonly direct: boolean
}

/** The frames from the root to a function. */
interface Frame {
  readonly subprogram: SubprogramInfo
  /** Bytes up to and with this frame. */
  readonly depth: number
  readonly usesPrivateStack: boolean
  /** It, or a caller of it, is a callback. */
  readonly inCallback: boolean
  next: number
}

/** Refuses chains of calls that are too deep; marks from where tail calls can be reached. */
export function checkStackDepth(env: Environment): void {
  for (const subprogram of env.subprograms) subprogram.stackDepth = neededStack(subprogram)
  const check = new StackDepthCheck(env)
  for (let index = env.subprograms.length - 1; index >= 0; index--) {
    const subprogram = env.subprograms[index]!
    // Asynchronous callbacks first: what they reach never runs on a private stack.
    if (index === 0 || subprogram.isAsyncCallback) check.from(subprogram)
  }
}

function mayUsePrivateStack(env: Environment): boolean {
  if (env.subprograms.some((one) => one.hasTailCall)) return false
  switch (env.program.type) {
    case 'kprobe':
    case 'tracepoint':
    case 'perf_event':
    case 'raw_tracepoint':
      return true
    case 'tracing':
      return env.program.attachType !== 'trace_iter'
    default:
      return false
  }
}

class StackDepthCheck {
  private readonly env: Environment
  private readonly privateStacks: boolean
  /** Decided for each function when it is met first. */
  private readonly usesPrivateStack: (boolean | undefined)[]
  private readonly steps: (readonly Step[] | undefined)[]
  /** For each function, and in a callback or not: the greatest depth at which it was found good, by frame. */
  private readonly good: Int16Array

  constructor(env: Environment) {
    this.env = env
    this.privateStacks = mayUsePrivateStack(env)
    this.usesPrivateStack = new Array(env.subprograms.length)
    this.steps = new Array(env.subprograms.length)
    this.good = new Int16Array(env.subprograms.length * 2 * MAX_FRAMES).fill(-1)
  }

  from(root: SubprogramInfo): void {
    const privateStacks = root.index === 0 && this.privateStacks
    const frames: Frame[] = [this.enter(root, [], privateStacks)]
    let reachesTailCall = false
    while (frames.length > 0) {
      const frame = frames[frames.length - 1]!
      const step = this.stepsOf(frame.subprogram)[frame.next++]
      if (step === undefined) {
        frames.pop()
        this.remember(frame, frames)
        if (reachesTailCall) markTailCallReachable(frames)
        continue
      }
      if (step.callee < 0) {
        if (frame.inCallback) {
          refuse(
            'callback',
            `bpf_throw kfunc (insn ${step.slot}) cannot be called from callback subprog ${frame.subprogram.index}`,
            step.slot,
          )
        }
        continue
      }
      const callee = this.env.subprograms[step.callee]!
      if (callee.isAsyncCallback) {
        if (!step.direct) continue
        if (callee.isExceptionCallback) {
          refuse('callback', `insn ${step.slot} cannot call exception cb directly`, step.slot)
        }
      }
      if (callee.hasTailCall) reachesTailCall = true
      if (frames.length >= MAX_FRAMES) {
        refuse('too_many_frames', `the call stack of ${frames.length} frames is too deep !`, step.slot)
      }
      if (!this.isGood(callee, frame, frames.length)) {
        frames.push(this.enter(callee, frames, privateStacks))
      } else if (reachesTailCall) {
        markTailCallReachable(frames)
      }
    }
  }

  private enter(subprogram: SubprogramInfo, callers: readonly Frame[], privateStacks: boolean): Frame {
    const { index } = subprogram
    const caller = callers[callers.length - 1]
    const before = caller?.depth ?? 0
    if (index !== 0 && subprogram.hasTailCall && before >= MAX_STACK_BEFORE_TAIL_CALL) {
      refuse(
        'tail_call',
        `tail_calls are not allowed when call stack of previous frames is ${before} bytes. Too large`,
        subprogram.start,
      )
    }
    const own = (subprogram.stackDepth + 15) & ~15
    if (!privateStacks) this.usesPrivateStack[index] = false
    else this.usesPrivateStack[index] ??= own >= PRIVATE_STACK_MIN
    const usesPrivateStack = this.usesPrivateStack[index]!
    const depth = usesPrivateStack ? before : before + own
    if (usesPrivateStack && own > MAX_STACK) {
      refuse('too_much_stack', `stack size of subprog ${index} is ${own}. Too large`, subprogram.start)
    }
    if (depth > MAX_STACK) {
      const calls = callers.length + 1
      refuse('too_much_stack', `combined stack size of ${calls} calls is ${depth}. Too large`, subprogram.start, {
        bytes: depth,
        calls,
        chain: [...callers.map((frame) => frame.subprogram.index), index],
      })
    }
    const inCallback = subprogram.isCallback || caller?.inCallback === true
    return { subprogram, depth, usesPrivateStack, inCallback, next: 0 }
  }

  /** The calls of a function, each callee once for each way to call it, in the order of the program. */
  private stepsOf(subprogram: SubprogramInfo): readonly Step[] {
    const known = this.steps[subprogram.index]
    if (known !== undefined) return known
    const { env } = this
    const steps: Step[] = []
    const seen = new Set<number>()
    for (let slot = subprogram.start; slot < subprogram.end; slot++) {
      const insn = env.insns[slot]!
      let callee = -1
      const target = functionTarget(insn, slot)
      if (target !== undefined) callee = env.subprogramOf[target]!
      else if (insn.kind !== 'call' || insn.target !== 'kfunc' || kernelFunctionName(env, slot) !== 'bpf_throw')
        continue
      const direct = insn.kind === 'call'
      const key = callee * 2 + (direct ? 1 : 0)
      if (seen.has(key)) continue
      seen.add(key)
      steps.push({ slot, callee, direct })
    }
    this.steps[subprogram.index] = steps
    return steps
  }

  private slotOfGood(subprogram: SubprogramInfo, inCallback: boolean, frameno: number): number {
    return (subprogram.index * 2 + (inCallback ? 1 : 0)) * MAX_FRAMES + frameno
  }

  /** The frame's function, and all that it calls, are good as they were called here. */
  private remember(frame: Frame, callers: readonly Frame[]): void {
    const before = callers[callers.length - 1]?.depth ?? 0
    const at = this.slotOfGood(frame.subprogram, frame.inCallback, callers.length)
    if (this.good[at]! < before) this.good[at] = before
  }

  /** Whether a walk found no fault that began at least as deep, in bytes and frames, and in a callback if this is one. */
  private isGood(callee: SubprogramInfo, caller: Frame, frameno: number): boolean {
    const inCallback = callee.isCallback || caller.inCallback
    for (let deeper = frameno; deeper < MAX_FRAMES; deeper++) {
      if (this.good[this.slotOfGood(callee, true, deeper)]! >= caller.depth) return true
      if (!inCallback && this.good[this.slotOfGood(callee, false, deeper)]! >= caller.depth) return true
    }
    return false
  }
}

/** The counter of tail calls has to be kept through these frames. */
function markTailCallReachable(callers: readonly Frame[]): void {
  for (const { subprogram } of callers) {
    if (subprogram.isExceptionCallback) {
      refuse('tail_call', 'cannot tail call within exception cb', subprogram.start)
    }
    subprogram.tailCallReachable = true
  }
}
