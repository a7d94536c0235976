/**
 * What engines may use of an accepted program's verification.
 * @module
 */
import type { FrameFacts, ProgramFacts } from '../../isa/index.ts'
import type { Environment } from '../environment.ts'
import type { FunctionInstance } from '../explore/function-instance.ts'
import { liveAtEntry, settleStackLiveness } from '../explore/stack-liveness.ts'

/** `env` is that of a run in which every function was explored to its end. */
export function programFacts(env: Environment): ProgramFacts {
  const masks = new Map<number, [number, number]>()
  const collect = (instance: FunctionInstance): void => {
    const [low, high] = liveAtEntry(instance)
    const joined = masks.get(instance.start)
    if (joined === undefined) masks.set(instance.start, [low, high])
    else {
      joined[0] |= low
      joined[1] |= high
    }
    for (const callee of instance.callees()) collect(callee)
  }
  for (const root of env.exploration.rootInstances()) {
    settleStackLiveness(env, root)
    collect(root)
  }
  const frames = [...masks].map(([entry, readFirst]): FrameFacts => ({ entry, readFirst }))
  return { frames: frames.sort((a, b) => a.entry - b.entry) }
}
