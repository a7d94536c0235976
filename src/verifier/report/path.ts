/**
 * The turns of the path that leads to a rejection: branches that could have gone the other way, calls, returns. Loops are
 * folded, and the middle of a long path is left out.
 * @module
 */
import type { Environment } from '../environment.ts'
import { conditionText, type KnownValue } from './conditions.ts'
import type { Step } from './recorder.ts'
import type { PathStep } from './report.ts'
import { insnText, sourceAt, ValueTracer } from './value-history.ts'

const FIRST_TURNS = 4
const LAST_TURNS = 20
/** Turns of the longest round of a loop that is recognised as one. */
const MAX_ROUND = 16

interface Turn {
  readonly step: Step
  /** Of `step`, in the path. */
  readonly index: number
  readonly kind: PathStep['kind']
  readonly taken: boolean | undefined
  times: number
}

export interface Path {
  readonly turns: readonly PathStep[]
  readonly omitted: number
}

/** `known`: the value at fault. */
export function describePath(env: Environment, steps: readonly Step[], known?: KnownValue): Path {
  const turns = foldLoops(findTurns(env, steps))
  const omitted = Math.max(0, turns.length - FIRST_TURNS - LAST_TURNS)
  const shown = omitted === 0 ? turns : [...turns.slice(0, FIRST_TURNS), ...turns.slice(turns.length - LAST_TURNS)]
  const tracer = new ValueTracer(env, steps)
  return { turns: shown.map((turn) => describeTurn(env, steps, tracer, known, turn)), omitted }
}

function findTurns(env: Environment, steps: readonly Step[]): Turn[] {
  const turns: Turn[] = []
  steps.forEach((step, i) => {
    const next = steps[i + 1]
    if (next === undefined) return
    const insn = env.insns[step.insn]!
    if (next.depth > step.depth) {
      const kind = insn.kind === 'call' && insn.target === 'local' ? 'call' : 'callback'
      turns.push({ step, index: i, kind, taken: undefined, times: 1 })
    } else if (next.depth < step.depth) turns.push({ step, index: i, kind: 'return', taken: undefined, times: 1 })
    else if (step.forked && (insn.kind === 'jump' || insn.kind === 'may_goto')) {
      turns.push({ step, index: i, kind: 'branch', taken: next.insn !== step.insn + 1, times: 1 })
    }
  })
  return turns
}

/** A round that repeats is kept once; its last turn says how often. */
function foldLoops(turns: readonly Turn[]): Turn[] {
  const folded: Turn[] = []
  for (const turn of turns) {
    folded.push(turn)
    for (let length = 1; length <= MAX_ROUND && 2 * length <= folded.length; length++) {
      if (!repeats(folded, length)) continue
      const again = folded.length - length
      folded[again - 1]!.times += folded[folded.length - 1]!.times
      folded.length = again
      break
    }
  }
  return folded
}

function repeats(turns: readonly Turn[], length: number): boolean {
  for (let i = 1; i <= length; i++) {
    const a = turns[turns.length - i]!
    const b = turns[turns.length - i - length]!
    if (a.step.insn !== b.step.insn || a.kind !== b.kind || a.taken !== b.taken || a.step.depth !== b.step.depth) {
      return false
    }
    // Within a round only its last turn counts rounds; another count belongs to a loop inside.
    if (i > 1 && a.times !== b.times) return false
  }
  return true
}

function describeTurn(
  env: Environment,
  steps: readonly Step[],
  tracer: ValueTracer,
  known: KnownValue | undefined,
  turn: Turn,
): PathStep {
  const { step, index, kind, taken, times } = turn
  const source = sourceAt(env, step.insn)
  const name = env.subprograms.length > 1 ? env.subprograms[env.subprogramOf[step.insn]!]?.name : undefined
  const holds = taken === undefined ? undefined : conditionText(env, tracer, steps, index, taken, known)
  return {
    insn: step.insn,
    text: insnText(env, step.insn),
    kind,
    ...(taken !== undefined && { taken }),
    ...(holds !== undefined && { holds }),
    ...(name !== undefined && name !== '' && { function: name }),
    ...(source !== undefined && { source }),
    ...(times > 1 && { times }),
  }
}
