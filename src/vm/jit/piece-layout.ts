/**
 * How a piece of a function (`pieces.ts`) is called, and how it is left.
 * @module
 */
import type { FunctionWriter } from './function-writer.ts'
import type { StackSlots } from './stack-slots.ts'
import { OP } from './wasm-opcodes.ts'

/** Instead of where to go on: the program exits, and r0 is the result. */
export const EXITS = -1
/** Below it: another program replaces this one; minus its place in the table. r0 is its r1. */
export const TAIL_CALLS = -2

/** What all pieces of a group have in common. */
export interface PieceLayout {
  readonly slots: StackSlots
  readonly changesFrame: boolean
  /** Values of 64 bits: registers, r10 if it changes, stack slots. They are the first parameters, and the first results. */
  readonly wide: number
  /** Parameters: the frame's lowest address, what is left of `may_goto`, where to begin. */
  readonly frame: number
  readonly mayGoto: number
  readonly entry: number
  readonly params: number
  /** The function that leaves a piece from the middle of a block: r0 and {@link EXITS}, or … */
  readonly leave: number
}

/** A value on the stack becomes r0, where the function returns, or another program goes on with it as its r1. */
export function leavePiece(w: FunctionWriter, { leave }: PieceLayout, tailCall?: number): void {
  if (tailCall === undefined) w.i32(EXITS)
  else {
    w.i32(TAIL_CALLS)
    w.get(tailCall)
    w.op(OP.i32_sub)
  }
  w.call(leave)
  w.op(OP.return)
}

/** All that the next piece needs, and `next`, the local that says where to go on. */
export function leaveForPiece(
  w: FunctionWriter,
  { wide, mayGoto }: PieceLayout,
  values: readonly number[],
  next: number,
): void {
  for (let i = 0; i < wide; i++) w.get(values[i]!)
  w.get(mayGoto)
  w.get(next)
  w.op(OP.return)
}
