/**
 * What the verifier is asked about: one flat program, and what belongs to it. Plain data; nothing in it is alive.
 * @module
 */
import type { Btf, BtfTypeId } from '../btf/index.ts'
import type { Instruction } from '../isa/index.ts'
import type { ByteOrder } from '../util/index.ts'

/** A map, as far as verification needs it. Two references to one map are the same object. */
export interface VerifierMap {
  readonly name: string
  /** Number of the map type on the platform. */
  readonly type: number
  /** Bytes. */
  readonly keySize: number
  /** Bytes. */
  readonly valueSize: number
  readonly maxEntries: number
  /** `BPF_F_*` creation flags. */
  readonly flags: number
  readonly mapExtra?: bigint
  /** What the values of a map of maps look like. */
  readonly inner?: VerifierMap
  readonly btf?: Btf
  readonly btfKeyType?: BtfTypeId
  readonly btfValueType?: BtfTypeId
  /** The host may not write it any more; with `BPF_F_RDONLY_PROG` its contents are constants. */
  readonly frozen?: boolean
  /** The value of an array of one element, for constants. */
  readonly contents?: Uint8Array
  /** Names of variables in the value of a data section's map, for messages. */
  readonly variables?: readonly { readonly name: string; readonly offset: number; readonly size: number }[]
}

/** What a symbolic instruction refers to. */
export type VerifierReference =
  | { readonly kind: 'map'; readonly map: VerifierMap }
  /** The address of byte `offset` of the (first) value of a map. */
  | { readonly kind: 'map_value'; readonly map: VerifierMap; readonly offset: number }
  | { readonly kind: 'kfunc'; readonly name: string; readonly weak: boolean }
  | {
      readonly kind: 'ksym'
      readonly name: string
      readonly weak: boolean
      readonly btfType?: BtfTypeId
      /** Its address is 0 where the program runs, whatever the kernel's BTF has. */
      readonly absent?: boolean
    }

export interface VerifierFunction {
  readonly name: string
  /** Slot of its first instruction. */
  readonly slot: number
  /** `static` functions are verified at each call, the others once, by their BTF prototype. */
  readonly linkage: 'static' | 'global' | 'weak'
  /** Its `func` in the program's BTF. */
  readonly btfType: BtfTypeId | undefined
}

/** Where an instruction came from. */
export interface VerifierLine {
  readonly slot: number
  readonly file: string
  /** From 1; 0 if unknown. */
  readonly line: number
  readonly column: number
  /** The source line itself; empty if unknown. */
  readonly text: string
}

export interface VerifierProgram {
  readonly name: string
  /** Program type by the platform's name: `xdp`, `sched_cls`. */
  readonly type: string
  /** Attach type by bpftool's name, where the section or the loader gives one. */
  readonly attachType?: string
  /** What it attaches to (a kernel function), for typed contexts. */
  readonly attachTo?: string
  readonly license: string
  readonly sleepable?: boolean
  /** `xdp.frags`. */
  readonly frags?: boolean
  /** Of the machine that it is for: which part of a spilled register a narrow load gets, what frozen map contents mean. Default: little. */
  readonly byteOrder?: ByteOrder
  /** Slot-indexed, the entry at slot 0, subprograms behind it. */
  readonly insns: readonly Instruction[]
  /** Slots whose bytes are no instruction, and why, in Linux's words; `insns` holds there what comes closest to them. */
  readonly invalid?: ReadonlyMap<number, InvalidInstruction>
  /** By slot. */
  readonly references?: ReadonlyMap<number, VerifierReference>
  /** In order of slot, the entry first. Without it all subprograms are static. */
  readonly functions?: readonly VerifierFunction[]
  /** Of the program: functions, maps, lines. */
  readonly btf?: Btf
  /** In order of slot. */
  readonly lines?: readonly VerifierLine[]
}

export interface InvalidInstruction {
  readonly code:
    | 'invalid_instruction'
    | 'reserved_field'
    | 'invalid_register'
    | 'invalid_wide_instruction'
    | 'unresolved_relocation'
  /** Linux's message, such as `BPF_LDX uses reserved fields`. */
  readonly message: string
  /** Found before anything is executed (an unknown opcode), or only when the path comes there. */
  readonly early: boolean
  /** Registers that are read, in this order, before the mistake is found: one that is not initialised is reported instead. */
  readonly readsFirst?: readonly number[]
}

export interface VerifyOptions {
  /** Types of the kernel that the program is for: typed contexts, BTF pointers, kfuncs. */
  readonly kernelBtf?: Btf
  /**
   * Who wrote the program. `trusted`: as Linux judges root. `untrusted`: no leak of pointers, no read of uninitialised
   * memory (Linux without CAP_PERFMON). Default: what the platform says.
   */
  readonly author?: 'trusted' | 'untrusted'
  /** `BPF_F_STRICT_ALIGNMENT`, `BPF_F_ANY_ALIGNMENT`; default: any (as on x86-64). */
  readonly alignment?: 'strict' | 'any'
  /** `BPF_F_TEST_STATE_FREQ`: a checkpoint at every prune point. */
  readonly testStateFrequency?: boolean
  /**
   * A state is covered by another only if every scalar and every stack slot of it is, whether it matters or not. For the
   * soundness self-check: whatever a run has in a register then lies within a state that was explored. More states are.
   */
  readonly strictPruning?: boolean
  /** Milliseconds after which verification gives up (`time_limit`), its explanation included; held to within about 100 ms. Default: none. */
  readonly timeLimit?: number
  /** Checkpoints that may be kept at a time, about 2 KB each (`memory_limit`). Default 200,000. */
  readonly stateLimit?: number
  /** Instructions to process; default: the platform's million. */
  readonly insnLimit?: number
  /** Keep, on rejection, what was known along the failing path. Default true. */
  readonly explain?: boolean
  /** Log of the Linux verifier: 1 the failing path, 2 everything, 4 statistics only. Default none. */
  readonly logLevel?: 0 | 1 | 2 | 4
  /** Keep the abstract state before each instruction: for `disasm --verified`, the soundness check. */
  readonly observer?: VerifierObserver
}

/** Is told of every instruction that is processed, before it is; what it is given may not be kept (states change in place). */
export interface VerifierObserver {
  readonly onInsn: (insn: number, state: import('./state.ts').State) => void
}
