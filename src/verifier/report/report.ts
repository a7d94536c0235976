/**
 * What a verification found, as plain data: JSON can carry all of it.
 *
 * A rejection says what is wrong in the user's terms, where (instruction and C line), how the program gets there, what is
 * known of the value at fault and where it came from, and what would help.
 * @module
 */
import type { ProgramFacts } from '../../isa/index.ts'
import type { RejectionCategory, RejectionCode } from './codes.ts'

export interface SourceLocation {
  readonly file: string
  /** From 1; 0 if unknown. */
  readonly line: number
  /** From 1; 0 if unknown. */
  readonly column: number
  /** The line itself, as the compiler recorded it. */
  readonly text: string
}

/** A turn of the path that leads to the rejection: a branch, a call, a return. */
export interface PathStep {
  readonly insn: number
  /** The instruction, as Linux prints it. */
  readonly text: string
  readonly kind: 'branch' | 'call' | 'return' | 'callback'
  /** Of a branch: whether it jumps. */
  readonly taken?: boolean
  /** Of a branch: what holds on this path from there on, by the names of the source where they can be told: `len <= 128`. */
  readonly holds?: string
  /** The function that it is in, where the program has several. */
  readonly function?: string
  readonly source?: SourceLocation
  /** How often this turn and the ones since its last appearance repeat, if more than once. */
  readonly times?: number
}

/** Something that happened to a value on its way to the instruction at fault. */
export interface ValueEvent {
  readonly insn: number
  readonly text: string
  /** `origin`: where the value comes from; `lost`: less is known afterwards than before. */
  readonly kind: 'origin' | 'moved' | 'spilled' | 'filled' | 'changed' | 'checked' | 'lost'
  /** In words. */
  readonly what: string
  /** What is known after it: `0 to 255`, `pointer to a value of map flows, or NULL`. */
  readonly known: string
  readonly source?: SourceLocation
}

export interface ReportError {
  readonly code: RejectionCode
  readonly category: RejectionCategory
  /** What is wrong, in one sentence, in the user's terms. */
  readonly reason: string
  /** The last line of Linux's log; where Linux has nothing of the kind (see `saidByLinux`), of ours. */
  readonly message: string
  /** Whether Linux rejects for this, in these words: not for limits that only this verifier has. */
  readonly saidByLinux: boolean
  /** All lines that the log has of this failure. */
  readonly lines: readonly string[]
  /** Slot of the instruction at fault; absent where the program as a whole is. */
  readonly insn?: number
  /** It, as Linux prints it. */
  readonly text?: string
  readonly source?: SourceLocation
  /** Function that the instruction is in, where the program has several. */
  readonly function?: string
  /** From the entry on; bounded, see `pathOmitted`. */
  readonly path: readonly PathStep[]
  /** Turns that are left out in the middle of `path`. */
  readonly pathOmitted?: number
  /** The register at fault, what it holds, and how it came to that; from its origin on. */
  readonly value?: {
    readonly register: string
    /** Name in the source, where it can be told. */
    readonly name?: string
    readonly known: string
    readonly history: readonly ValueEvent[]
  }
  /** What would help. */
  readonly fix?: string
}

export interface ReportStatistics {
  readonly insnsProcessed: number
  /** Checkpoints made. */
  readonly states: number
  /** Most checkpoints at a time. */
  readonly peakStates: number
  readonly maxStatesPerInsn: number
  readonly ms: number
  /** Bytes of stack of each subprogram. */
  readonly stackDepth: readonly number[]
}

export interface Report {
  readonly name: string
  /** Program type. */
  readonly type: string
  readonly platform: string
  readonly author: 'trusted' | 'untrusted'
  readonly verdict: 'accept' | 'reject'
  readonly stats: ReportStatistics
  /** Of a rejection. */
  readonly error?: ReportError
  /** Of an accepted program: what an engine may use. */
  readonly facts?: ProgramFacts
  /** What Linux would log, if that was asked for. */
  readonly log?: string
}
