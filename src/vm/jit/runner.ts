/**
 * The way into a compiled program for many runs.
 *
 * V8 learns by the text of a function which functions it calls. One text that serves several programs calls several functions,
 * which takes twice as long: every further program gets a copy of the text, where that is allowed. (A page whose policy forbids it
 * reports the attempt: what is made for such places does not try.)
 * @module
 */
import type { GuestAddress } from '../guest-memory.ts'
import type { VirtualCpu } from '../virtual-cpu.ts'

/** Runs a program with this r1: the low 32 bits of r0, unsigned. */
export type Runner = (r1: GuestAddress) => number

/** What a program's maker knows of its runs. */
export interface RunnerInput {
  /** What helpers find in `cpu.context`. */
  readonly context: unknown
  /** r2 of the next run. */
  readonly entry: { readonly r2: number }
  /** Throws: there is no address to begin with. */
  refuse(): never
  /** Throws if the program was disposed of: whoever kept its runner may still call it. */
  assertLive(): void
}

/** What a runner needs of its engine, besides the compiled code. */
export interface RunnerHost extends RunnerInput {
  readonly cpu: VirtualCpu
  /** Sets everything for the program. Throws ERR_USAGE if the CPU is running one. */
  arm(): void
  /** What a run ends with that `error` ended. */
  named(error: unknown): unknown
}

type Entry = (r1: GuestAddress, r2: number) => number

/** Self-contained: its text is all that a copy has. */
function makeRunner(host: RunnerHost, enter: Entry): Runner {
  const { cpu, context, entry } = host
  const run: Runner = (r1) => {
    if (r1 === undefined) host.refuse()
    if (cpu.armed !== run || cpu.context !== context || cpu.depth !== 0) {
      host.arm()
      cpu.context = context
      cpu.armed = run
    }
    cpu.depth = 1
    try {
      return enter(r1, entry.r2) >>> 0
    } catch (error) {
      throw host.named(error)
    } finally {
      cpu.depth = 0
      cpu.checked = true
      cpu.memory.refresh()
    }
  }
  return run
}

let made = 0
/** Pages can forbid that text becomes code; then they need not be asked again. */
let forbidden = false

/** `mayCopy`: whether text may become code here, as far as the caller knows. */
export function createRunner(host: RunnerHost, enter: Entry, mayCopy: boolean): Runner {
  if (made++ > 0 && mayCopy && !forbidden) {
    try {
      return new Function(`return ${makeRunner}`)()(host, enter)
    } catch {
      forbidden = true
    }
  }
  return makeRunner(host, enter)
}
