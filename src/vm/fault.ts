/**
 * Faults: what a running program did that it may not.
 * @module
 */
import { AnybpfError } from '../util/errors.ts'
import { type LinkedProgram, sourceLineAt } from './linked-program.ts'

/** Stable names of faults. */
export const FAULT_KINDS = [
  'null', // an access through NULL, or near it (page zero)
  'out_of_bounds', // an access to memory that does not exist, or outside of any live object
  'stack', // an access to the stack outside of the live frames
  'write_protected', // a write to memory that may only be read
  'misaligned_atomic', // an atomic operation on an address that is not a multiple of its size
  'call_depth', // more nested calls than the platform allows
  'unknown_helper', // a call of a helper or kernel function that the platform does not have
  'bad_call', // a call of something that is not a function
  'bad_jump', // control left the program, or an indirect jump went where none may go
  'no_packet', // LD_ABS or LD_IND where the context is no packet
  'helper', // a helper was called with what it cannot take
  'budget', // the instruction budget is used up
] as const

export type FaultKind = (typeof FAULT_KINDS)[number]

export interface FaultDetails {
  readonly kind: FaultKind
  readonly program: string
  /** Slot of the instruction that is at fault. */
  readonly slot: number
  /** What was accessed, all 64 bits: `0x…`. Text, so that details can be written as JSON. */
  readonly address?: string
  /** Bytes of the access. */
  readonly size?: number
  /** C source line, where the program has line info. */
  readonly file?: string
  readonly line?: number
  /** Of a batch: the number of the input. */
  readonly input?: number
}

/**
 * Code ERR_FAULT, or ERR_BUDGET for kind `budget`. The message: `prog: insn 12 (prog.c:31): what happened`; of a batch,
 * `prog: input 3: insn 12 …`.
 */
export class BpfFault extends AnybpfError {
  override readonly name = 'BpfFault'
  declare readonly details: FaultDetails & Readonly<Record<string, unknown>>
  /** What happened: the message without the place. */
  readonly reason: string

  constructor(reason: string, details: FaultDetails, cause?: unknown) {
    const input = details.input === undefined ? '' : `input ${details.input}: `
    const place = details.file === undefined ? '' : ` (${details.file}:${details.line})`
    super(
      details.kind === 'budget' ? 'ERR_BUDGET' : 'ERR_FAULT',
      `${details.program}: ${input}insn ${details.slot}${place}: ${reason}`,
      { details: { ...details }, ...(cause === undefined ? {} : { cause }) },
    )
    this.reason = reason
  }

  get kind(): FaultKind {
    return this.details.kind
  }

  get slot(): number {
    return this.details.slot
  }
}

/** Where the access went that a fault is about. */
export interface FaultAccess {
  readonly address: bigint
  readonly size: number
}

/** Makes the fault of an instruction; finds its source line. */
export function createFault(
  kind: FaultKind,
  reason: string,
  program: LinkedProgram,
  slot: number,
  access?: FaultAccess,
  cause?: unknown,
): BpfFault {
  const source = sourceLineAt(program.lines, slot)
  const place = source === undefined ? {} : { file: source.file, line: source.line }
  const accessed = access === undefined ? {} : { address: `0x${access.address.toString(16)}`, size: access.size }
  return new BpfFault(reason, { kind, program: program.name, slot, ...accessed, ...place }, cause)
}
