/**
 * Remembers the path that is being followed: each instruction with the registers and the stack before it, so that a
 * rejection can say how the program comes there and what happened to a value on its way.
 * @module
 */
import type { Environment, PendingBranch, SubprogramInfo, VerifierLog } from '../environment.ts'
import type { Reg, StackSlot } from '../state.ts'

/** Steps that are kept: the last ones. */
const MAX_STEPS = 20_000

export interface Step {
  readonly insn: number
  /** Depth of calls: 0 in the function that is verified. */
  readonly depth: number
  /** Before the instruction. */
  readonly regs: readonly Reg[]
  /** Before the instruction; slots as in `Frame.stack`. */
  readonly stack: readonly StackSlot[]
  /** There was another way to go from here. */
  forked: boolean
}

export class PathRecorder implements VerifierLog {
  /** Of the current path, the first one at `omitted`. */
  private kept: Step[] = []
  /** Steps of the current path before those that are kept. */
  omitted = 0
  /** Branches that were waiting when the last step began. */
  private waiting = 0

  get steps(): readonly Step[] {
    return this.kept
  }

  beforeInsn(env: Environment): void {
    this.truncate(env.pathLength - 1)
    if (env.pending.length > this.waiting) this.fork()
    this.waiting = env.pending.length
    const { frame, curframe } = env.cur
    const before = this.kept.at(-1)
    this.kept.push({
      insn: env.insn,
      depth: curframe,
      regs: same(before?.regs, frame.regs),
      stack: same(before?.stack, frame.stack),
      forked: false,
    })
    if (this.kept.length >= 2 * MAX_STEPS) {
      this.kept = this.kept.slice(MAX_STEPS)
      this.omitted += MAX_STEPS
    }
  }

  onPop(env: Environment, _branch: PendingBranch): void {
    this.truncate(env.pathLength)
    this.fork()
    this.waiting = env.pending.length
  }

  onPruned(): void {}

  onPathEnd(): void {}

  onFunctionSafe(_env: Environment, _subprogram: SubprogramInfo): void {
    this.kept = []
    this.omitted = 0
  }

  line(): void {}

  private fork(): void {
    const last = this.kept.at(-1)
    if (last !== undefined) last.forked = true
  }

  /** Back to the first `length` steps of the path. */
  private truncate(length: number): void {
    if (length < this.omitted) {
      this.kept = []
      this.omitted = length
    } else if (length - this.omitted < this.kept.length) this.kept.length = length - this.omitted
  }
}

/** The list that was kept before, if nothing changed since; else a copy. */
function same<T>(before: readonly T[] | undefined, now: readonly T[]): readonly T[] {
  if (before === undefined || before.length !== now.length) return now.slice()
  for (let i = 0; i < now.length; i++) if (before[i] !== now[i]) return now.slice()
  return before
}

/** Tells several logs. */
export function combineLogs(logs: readonly VerifierLog[]): VerifierLog {
  const each = (tell: (log: VerifierLog) => void): void => {
    for (const log of logs) tell(log)
  }
  return {
    beforeInsn: (env) => each((log) => log.beforeInsn(env)),
    onPop: (env, branch) => each((log) => log.onPop(env, branch)),
    onPruned: (env) => each((log) => log.onPruned(env)),
    onPathEnd: (env) => each((log) => log.onPathEnd(env)),
    onFunctionSafe: (env, subprogram) => each((log) => log.onFunctionSafe(env, subprogram)),
    line: (text) => each((log) => log.line(text)),
  }
}
