/**
 * All that one verification works with: the program, what the structural checks found in it, the state at hand, the
 * states that were seen, counters. Data, and the few operations that every check needs.
 * @module
 */
import type { Btf } from '../btf/index.ts'
import type { Instruction } from '../isa/index.ts'
import { type Platform, type ProgramTypeRules, type ProgramTypeSpec, rulesOf } from '../spec/index.ts'
import { milliseconds } from '../util/index.ts'
import type { Exploration } from './explore/exploration.ts'
import type { VerifierMap, VerifierProgram, VerifierReference, VerifyOptions } from './program.ts'
import { reject } from './rejection.ts'
import type { ReturnRange, State } from './state.ts'

/** Facts of an instruction that do not depend on a path: bits of `Environment.insnFlags`. */
export const INSN_PRUNE_POINT = 1
/** Control may come here by a jump: its taking is recorded in the history. */
export const INSN_JUMP_POINT = 2
/** A checkpoint whatever the heuristics say: loops by iterator, callback or may_goto. */
export const INSN_FORCE_CHECKPOINT = 4
/** A call that calls back. */
export const INSN_CALLS_CALLBACK = 8
/** Was processed on some path that is not speculative. */
export const INSN_SEEN = 16
/** Speculation stops before it (an lfence, say). */
export const INSN_NOSPEC = 32
/** `iter_next`. */
export const INSN_ITER_NEXT = 64
/** Speculation stops after it: a store that was sanitised (Spectre v4). */
export const INSN_NOSPEC_RESULT = 128

/** The clock is read once in so much work: a few milliseconds of it. */
const CLOCK_INTERVAL = 1 << 16
/** What an instruction takes to be processed, or to be compared with a state at. */
export const WORK_OF_INSN = 16

/** What a global function asks of an argument, by its BTF. */
export interface GlobalArgument {
  readonly kind:
    | 'scalar'
    | 'ctx'
    | 'mem'
    | 'mem_or_null'
    | 'dynptr'
    | 'arena'
    | 'trusted_btf'
    | 'trusted_btf_or_null'
    | 'untrusted_mem'
    | 'untrusted_btf'
  /** Bytes, of `mem`. */
  readonly size: number
  /** BTF type, of `*_btf`. */
  readonly btfType: number
  readonly btf: Btf | undefined
}

export interface SubprogramInfo {
  readonly index: number
  /** Slot of the first instruction, and after the last. */
  readonly start: number
  readonly end: number
  readonly name: string
  readonly linkage: 'static' | 'global' | 'weak'
  /** Its `func` in the program's BTF. */
  readonly btfType: number | undefined
  /** Deepest byte of stack that was touched, as a positive number. */
  stackDepth: number
  hasTailCall: boolean
  tailCallReachable: boolean
  hasLoadPacket: boolean
  isCallback: boolean
  isAsyncCallback: boolean
  isExceptionCallback: boolean
  /** It, or what it calls, may invalidate packet pointers; may sleep. */
  changesPacket: boolean
  mightSleep: boolean
  /** Global: reached from a function that is verified, so to be verified itself. */
  called: boolean
  /** By BTF; undefined until `prepareArguments`, then also where BTF says nothing usable. */
  args: readonly GlobalArgument[] | undefined
  argsPrepared: boolean
  /**
   * Where the stack slots begin that are only saved around calls of `bpf_fastcall` functions (see structure/fastcall);
   * whether some call frees them, and whether some other call needs them after all.
   */
  fastcallStackOffset: number
  freesFastcallStack: boolean
  keepsFastcallStack: boolean
}

/** A branch that waits to be explored. */
export interface PendingBranch {
  readonly state: State
  readonly insn: number
  readonly previousInsn: number
  /** Length of the path of instructions, and of the history, when it was pushed. */
  readonly pathLength: number
  readonly historyLength: number
}

export interface Statistics {
  insnsProcessed: number
  totalStates: number
  peakStates: number
  maxStatesPerInsn: number
}

/** Switches that follow from the author and the platform. */
export interface Permissions {
  /** Pointers may be stored, returned, compared; uninitialised stack may be read. */
  readonly allowPointerLeaks: boolean
  readonly allowUninitialisedStack: boolean
  /** No checks against speculative execution. */
  readonly bypassSpectreV1: boolean
  readonly bypassSpectreV4: boolean
  /** CAP_BPF: loops, subprograms, precision. */
  readonly bpfCapable: boolean
}

export class Environment {
  readonly program: VerifierProgram
  readonly platform: Platform
  readonly programType: ProgramTypeSpec
  /** Of the program type: its own, or what its context's layout implies. */
  readonly rules: ProgramTypeRules
  readonly options: VerifyOptions
  readonly permissions: Permissions
  readonly insns: readonly Instruction[]
  readonly references: ReadonlyMap<number, VerifierReference>
  readonly gplCompatible: boolean
  readonly strictAlignment: boolean
  readonly insnLimit: number
  readonly deadline: number
  readonly kernelBtf: Btf | undefined

  // Found by the structural checks.
  subprograms: SubprogramInfo[] = []
  /** Index of the subprogram of each slot. */
  subprogramOf: Int32Array
  /** `INSN_*` bits by slot. */
  readonly insnFlags: Uint8Array
  /** Registers that may be read before they are written, by slot, bit i for r_i. */
  readonly liveRegisters: Uint16Array
  /** Strongly connected component (a loop) of each slot; 0: in none. */
  readonly scc: Uint32Array
  /** 1: a store or load that only saves a register around a call of a `bpf_fastcall` function. */
  readonly fastcallSlots: Uint8Array
  /** Postorder of each subprogram's slots, one after another, and where each subprogram's begins. */
  postorder: Int32Array = new Int32Array(0)
  postorderStart: Int32Array = new Int32Array(0)

  // Of the exploration.
  /** Checkpoints and what belongs to them; there from `beginExploration` on. */
  exploration!: Exploration
  /** The state of the path that is being followed. */
  cur!: State
  /** The instruction that is being checked, and the one before it on this path. */
  insn = 0
  previousInsn = -1
  /** Waiting branches, the last one first. */
  readonly pending: PendingBranch[] = []
  /** Entries in the histories of the waiting branches. */
  pendingHistory = 0
  /** Instructions of the current path, from the entry. */
  path = new Int32Array(1024)
  pathLength = 0
  idCounter = 0
  readonly statistics: Statistics = { insnsProcessed: 0, totalStates: 0, peakStates: 0, maxStatesPerInsn: 0 }
  jumpsProcessed = 0
  /** Work until the clock is read again. */
  private untilClock = CLOCK_INTERVAL
  /** Base and flags of the pointer that each load or store was seen with; 0: none yet. */
  readonly pointerTypes: Int32Array
  /** For a helper that reads `map_ptr`: the map of each call, or 'several'. */
  readonly callMaps = new Map<number, VerifierMap | 'several'>()
  /** How pointer arithmetic of untrusted authors is masked, by instruction: the same on every path. */
  readonly sanitation = new Map<number, { readonly state: number; readonly limit: number }>()
  /** Scalars may prune only if they are equal: masking limits depend on paths. */
  exploreAluLimits = false
  /** Index of the subprogram that is verified at the root: 0, or a global function. */
  rootSubprogram = 0
  /** Set by a rewind-free rerun: lines of Linux's log are built (`logLevel`). */
  log: VerifierLog | undefined = undefined

  constructor(init: {
    program: VerifierProgram
    platform: Platform
    programType: ProgramTypeSpec
    options: VerifyOptions
    permissions: Permissions
    gplCompatible: boolean
    strictAlignment: boolean
    insnLimit: number
    deadline: number
  }) {
    this.program = init.program
    this.platform = init.platform
    this.programType = init.programType
    this.rules = rulesOf(init.programType)
    this.options = init.options
    this.permissions = init.permissions
    this.gplCompatible = init.gplCompatible
    this.strictAlignment = init.strictAlignment
    this.insnLimit = init.insnLimit
    this.deadline = init.deadline
    this.kernelBtf = init.options.kernelBtf
    this.insns = init.program.insns
    this.references = init.program.references ?? new Map()
    const count = this.insns.length
    this.subprogramOf = new Int32Array(count)
    this.insnFlags = new Uint8Array(count)
    this.liveRegisters = new Uint16Array(count)
    this.scc = new Uint32Array(count)
    this.fastcallSlots = new Uint8Array(count)
    this.pointerTypes = new Int32Array(count)
  }

  newId(): number {
    return ++this.idCounter
  }

  /**
   * Accounts for work, in units of less than 0.1 microseconds, about: one for a look at an instruction, `WORK_OF_INSN`
   * for following it. Whatever repeats itself says so here. Rejects the program when its time is up.
   */
  charge(work: number): void {
    this.untilClock -= work
    if (this.untilClock < 0) this.checkClock()
  }

  private checkClock(): void {
    this.untilClock = CLOCK_INTERVAL
    if (milliseconds() <= this.deadline) return
    const limit = this.options.timeLimit
    reject('time_limit', `verification took longer than ${limit} ms`, { limit })
  }

  hasFlag(insn: number, flag: number): boolean {
    return (this.insnFlags[insn]! & flag) !== 0
  }

  setFlag(insn: number, flag: number): void {
    this.insnFlags[insn]! |= flag
  }
}

/** Builds the text that Linux logs; only there when a log, or an explanation, was asked for. */
export interface VerifierLog {
  /** Called before each instruction of a path is checked. */
  readonly beforeInsn: (env: Environment) => void
  /** Called when a pending branch is taken up; what was logged of the branch before is dropped at level 1. */
  readonly onPop: (env: Environment, branch: PendingBranch) => void
  /** A path ended at a state that covers it. */
  readonly onPruned: (env: Environment) => void
  /** A path ended: at an exit, or pruned. */
  readonly onPathEnd: (env: Environment) => void
  /** A global function was verified on its own. */
  readonly onFunctionSafe: (env: Environment, subprogram: SubprogramInfo) => void
  /** Any other line of the log: `Func#1 ('f') is global and assumed valid.`, the lines of a rejection. */
  readonly line: (text: string) => void
}

/** r0 at the exit of a program type, as `programReturnRange` in the spec gives it. */
export type { ReturnRange }
