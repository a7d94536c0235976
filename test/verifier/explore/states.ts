/** States made by hand, and an environment to compare them in. */

import type { Environment } from '../../../src/verifier/environment.ts'
import { beginExploration } from '../../../src/verifier/explore/exploration.ts'
import { Frame, type Reg, type StackSlot, State } from '../../../src/verifier/state.ts'
import { checked } from '../structure/programs.ts'

/** Reads r1 to r9 and exits, so that all of them are live at slot 0. */
const READS_ALL = [...Array.from({ length: 9 }, (_, i) => `r0 = r${i + 1}`), 'r0 = 0', 'exit'].join('\n')

/** At slot 0 of a program that reads r1 to r9. */
export function environment(author: 'trusted' | 'untrusted' = 'trusted', program = READS_ALL): Environment {
  const env = checked(program, { author })
  beginExploration(env)
  env.idCounter = 1000
  return env
}

/** A state with one frame. */
export function state(regs: Readonly<Record<number, Reg>>, stack: readonly StackSlot[] = []): State {
  const made = new State()
  const frame = new Frame({ callsite: -1, frameno: 0, subprogno: 0 }, made)
  for (const [regno, reg] of Object.entries(regs)) frame.regs[Number(regno)] = reg
  frame.stack = [...stack]
  made.frames = [frame]
  made.branches = 1
  return made
}
