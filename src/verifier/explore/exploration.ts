/**
 * What the exploration of one program keeps beside the path that it follows: checkpoints, function instances, and the
 * scratch tables of comparison and backtracking.
 * @module
 */
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import type { State } from '../state.ts'
import { Wanted } from './backtrack.ts'
import { BacktrackCode, isTailCall } from './backtrack-code.ts'
import { FunctionInstance } from './function-instance.ts'
import { IdMap } from './id-map.ts'

export const DEFAULT_STATE_LIMIT = 200_000
/** What a checkpoint takes, roughly: the limit speaks of states, but other tables count too. */
const STATE_BYTES = 2048

export class Exploration {
  /** Lists of checkpoints, newest first, by slot and call site: see `listOf`. */
  readonly lists: (State | undefined)[]
  /** By slot: the list of checkpoints in the function that is verified at the root. */
  private readonly entryLists: Int32Array
  /** How many of each list may still be cleaned. */
  readonly uncleaned: Int32Array
  readonly ids = new IdMap()
  readonly wanted = new Wanted()
  readonly code: BacktrackCode
  private readonly roots = new Map<number, FunctionInstance>()
  private readonly stateLimit: number

  /** Steps that precision has gone back in long walks. */
  stepsBack = 0

  /** Jumps and instructions that had been processed when the last checkpoint was made. */
  jumpsAtCheckpoint = 0
  insnsAtCheckpoint = 0

  // How many are kept, as Linux counts them for its statistics.
  listed = 0
  evicted = 0
  backedges = 0
  /** Of those, what belongs to functions that were verified before. */
  private finished = 0
  private tableBytes = 0

  /** Instances in which loops were entered while this root is explored. */
  readonly openVisits: FunctionInstance[] = []

  /** The instruction, by count, that the last history entry was made for, and the state that has it. */
  historyStamp = -1
  historyOwner: State | undefined = undefined

  // Stack liveness of the instruction at hand.
  instance: FunctionInstance | undefined = undefined
  writeInsn = -1
  anyWrites = false
  readonly writesLow = new Int32Array(16)
  readonly writesHigh = new Int32Array(16)
  /** By slot: up to two successors (-1: none; or {@link LEAVES}), and its place in postorder. */
  readonly successors: Int32Array
  readonly places: Int32Array
  /** By slot: the first and the last place of those that it is a successor of. */
  readonly firstUser: Int32Array
  readonly lastUser: Int32Array
  /** Places that the next pass of stack liveness has to cover. */
  againFrom = 0
  againTo = 0

  constructor(env: Environment) {
    this.lists = new Array<State | undefined>(Math.max(1, env.insns.length)).fill(undefined)
    this.uncleaned = new Int32Array(this.lists.length)
    this.entryLists = new Int32Array(env.insns.length)
    // Call site -1, as Linux has it: an unsigned number.
    for (let insn = 0; insn < env.insns.length; insn++) this.entryLists[insn] = (~insn >>> 0) % this.lists.length
    this.stateLimit = env.options.stateLimit ?? DEFAULT_STATE_LIMIT
    this.code = new BacktrackCode(env)
    this.successors = successorsOf(env)
    this.places = new Int32Array(env.insns.length).fill(-1)
    this.firstUser = new Int32Array(env.insns.length).fill(env.insns.length)
    this.lastUser = new Int32Array(env.insns.length).fill(-1)
    for (let place = 0; place < env.postorder.length; place++) {
      env.charge(1)
      const insn = env.postorder[place]!
      this.places[insn] = place
      for (let s = 2 * insn; s < 2 * insn + 2; s++) {
        const successor = this.successors[s]!
        if (successor < 0) continue
        if (place < this.firstUser[successor]!) this.firstUser[successor] = place
        this.lastUser[successor] = place
      }
    }
  }

  /** Another function is verified at the root: what was seen stays counted, and is forgotten otherwise. */
  restart(): void {
    this.lists.fill(undefined)
    this.uncleaned.fill(0)
    for (const instance of this.openVisits) instance.visits = undefined
    this.openVisits.length = 0
    this.finished = this.listed + this.evicted + this.backedges
    this.historyOwner = undefined
    this.instance = undefined
  }

  /** Index of the list for a slot and a call site. Some share a list, as they do in Linux: it counts in statistics. */
  listOf(insn: number, callsite: number): number {
    return callsite === -1 ? this.entryLists[insn]! : (insn ^ callsite) % this.lists.length
  }

  /** Peak statistics, and the caller's limit. */
  countStates(env: Environment): void {
    const count = this.listed + this.evicted + this.backedges
    if (count > env.statistics.peakStates) env.statistics.peakStates = count
    this.checkMemory(count)
  }

  /** Accounts for a table that lives as long as the verification. */
  countTable(bytes: number): void {
    this.tableBytes += bytes
    this.checkMemory(this.listed + this.evicted + this.backedges)
  }

  /** The instance for the chain of calls that leads to frame `frameno` of a state. */
  instanceOf(env: Environment, state: State, frameno: number): FunctionInstance {
    const { frames } = state
    const entry = frames[0]!.subprogno
    let instance = this.roots.get(entry)
    if (instance === undefined) {
      instance = this.makeInstance(env, undefined, -1, entry)
      this.roots.set(entry, instance)
    }
    for (let i = 1; i <= frameno; i++) {
      const { callsite, subprogno } = frames[i]!
      let inner: FunctionInstance | undefined = instance.find(callsite, subprogno)
      if (inner === undefined) {
        inner = this.makeInstance(env, instance, callsite, subprogno)
        instance.keep(inner)
      }
      instance = inner
    }
    return instance
  }

  /** Of every function that was verified at the root. */
  rootInstances(): IterableIterator<FunctionInstance> {
    return this.roots.values()
  }

  private makeInstance(
    env: Environment,
    outer: FunctionInstance | undefined,
    callsite: number,
    subprogno: number,
  ): FunctionInstance {
    const { start, end } = env.subprograms[subprogno]!
    this.countTable(INSTANCE_BYTES + end - start)
    return new FunctionInstance(outer, callsite, subprogno, start, end - start)
  }

  private checkMemory(states: number): void {
    if (states - this.finished + this.tableBytes / STATE_BYTES > this.stateLimit) {
      reject('memory_limit', `verification needs more memory than ${this.stateLimit} states take`, {
        limit: this.stateLimit,
      })
    }
  }
}

const INSTANCE_BYTES = 256

/** In place of a second successor: the function may also end here, as a tail call or a packet load ends it. */
export const LEAVES = -2

/** To be called before a function is explored at the root: the program, and then each global function. */
export function beginExploration(env: Environment): void {
  if (env.exploration === undefined) env.exploration = new Exploration(env)
  else env.exploration.restart()
}

/** Slots that may be executed next in the same function, two places for each slot. A call goes on behind itself. */
function successorsOf(env: Environment): Int32Array {
  const successors = new Int32Array(2 * env.insns.length).fill(-1)
  for (let i = 0; i < env.insns.length; i++) {
    env.charge(1)
    const insn = env.insns[i]!
    let next = i + 1
    let target = -1
    switch (insn.kind) {
      case 'exit':
      case 'goto_indirect':
        next = -1
        break
      case 'goto':
        next = i + 1 + insn.off
        break
      case 'jump':
      case 'may_goto':
        target = i + 1 + insn.off
        break
      case 'load_packet':
        target = LEAVES
        break
      case 'call':
        if (isTailCall(env, insn)) target = LEAVES
        break
      case 'lddw':
        next = i + 2
        break
    }
    successors[2 * i] = next < env.insns.length ? next : -1
    successors[2 * i + 1] = target < env.insns.length ? target : -1
  }
  return successors
}
