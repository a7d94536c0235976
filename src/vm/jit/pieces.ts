/**
 * Functions that are too large for one WebAssembly function, or that share code: pieces of it become functions of their own.
 *
 * A piece takes all registers (and stack slots that live in locals) and where to begin, and gives them back with where to go
 * on. For each group of functions there is one that calls pieces until the program exits, and for each function one that opens
 * its frame.
 * @module
 */
import { MAY_GOTO_LIMIT } from '../limits.ts'
import { type CodePlaces, type CompiledFunction, compilePiece } from './compile-function.ts'
import { copyFlow, type Flow, flowTraits } from './flow.ts'
import { type FrameClear, NOTHING_TO_CLEAR } from './frame-clears.ts'
import { pushFrameTop, writeFrame } from './frame-code.ts'
import type { FunctionGroup } from './function-groups.ts'
import { ARGUMENTS, type ModuleScope, NEEDS_FRAME } from './function-state.ts'
import { FunctionWriter } from './function-writer.ts'
import { EXITS, type PieceLayout, TAIL_CALLS } from './piece-layout.ts'
import { FRAME_POINTER } from './registers.ts'
import { PLACE_BITS, type SplitFlow, splitFlow } from './split.ts'
import { findStackSlots, NO_STACK_SLOTS } from './stack-slots.ts'
import { HAS_MAY_GOTO, WRITES_FRAME_POINTER } from './traits.ts'
import type { Signature, ValueType, WasmModule } from './wasm-module.ts'
import { OP } from './wasm-opcodes.ts'

/**
 * Instructions of a function above which it is cut. The time that engines take for a function grows faster than its size.
 */
export const PIECE_INSNS = 16384
/** Bytes of code above which it is cut smaller; engines take no function of more than 7,654,321. */
export const BODY_BYTES = 3_000_000

/** Of the function `leave`: what it is told. Its results are those of a piece. */
const LEAVE_PARAMS: readonly ValueType[] = ['i64', 'i32']

const wides = (count: number): ValueType[] => new Array<ValueType>(count).fill('i64')

/** A function of a group: its index in the module, and how much of its frame it clears. */
export interface SplitFunction {
  readonly index: number
  readonly clear: FrameClear
}

/** Compiles a group in pieces of about `limit` instructions. `functions` are its entries, in order; `places` is told of the code. */
export function compileInPieces(
  module: WasmModule,
  scope: ModuleScope,
  { flow, entries }: FunctionGroup,
  functions: readonly SplitFunction[],
  limit: number,
  places: Map<number, CodePlaces>,
): void {
  const { insns, options, target } = scope
  const slots = options.passes?.stackSlots === false ? NO_STACK_SLOTS : findStackSlots(insns, flow, target.frameSize)
  const traits = flowTraits(flow)
  const changesFrame = (traits & WRITES_FRAME_POINTER) !== 0
  const hasFrame = (traits & NEEDS_FRAME) !== 0
  const mayGoto = (traits & HAS_MAY_GOTO) !== 0
  const wide = FRAME_POINTER + (changesFrame ? 1 : 0) + slots.count
  const params: ValueType[] = [...wides(wide), 'i32', 'i32', 'i32']
  const results: ValueType[] = [...wides(wide), 'i32', 'i32']
  const leave = module.declareFunction({ params: LEAVE_PARAMS, results })
  const layout: PieceLayout = {
    slots,
    changesFrame,
    wide,
    frame: wide,
    mayGoto: wide + 1,
    entry: wide + 2,
    params: params.length,
    leave,
  }
  defineLeave(module, layout)
  const { split, compiled } = compilePieces(scope, flow, [...entries.values()], limit, layout)
  const pieces = compiled.map((piece) => {
    const index = module.declareFunction({ params, results })
    module.defineFunction(index, piece.body)
    places.set(index, piece.places)
    return index
  })
  const runner = defineRunner(module, scope, layout, pieces, results, mayGoto)
  functions.forEach(({ index, clear }, i) => {
    defineEntry(module, scope, index, hasFrame, slots.all ? NOTHING_TO_CLEAR : clear, runner, split.places[i]!)
  })
}

/** The pieces, smaller ones where some kind of instruction makes more code of them than an engine takes. */
function compilePieces(
  scope: ModuleScope,
  flow: Flow,
  entries: readonly number[],
  limit: number,
  layout: PieceLayout,
): { split: SplitFlow; compiled: CompiledFunction[] } {
  let before = Number.POSITIVE_INFINITY
  for (let most = limit; ; most = Math.floor(most / 2)) {
    const split = splitFlow(scope.insns, copyFlow(flow), entries, most)
    const compiled = split.pieces.map((piece) => compilePiece(scope, piece, layout))
    const largest = compiled.reduce((size, { body }) => Math.max(size, body.code.length), 0)
    // One instruction can be what takes the room: a jump to very many places.
    if (largest <= BODY_BYTES || largest > 0.9 * before || most < 2) return { split, compiled }
    before = largest
  }
}

function defineLeave(module: WasmModule, { wide, leave }: PieceLayout): void {
  const w = new FunctionWriter(LEAVE_PARAMS.length)
  w.get(0)
  for (let i = 1; i < wide; i++) w.i64(0)
  w.i32(0)
  w.get(1)
  w.end()
  module.defineFunction(leave, w.finish())
}

/** r1 to r5, the frame, and the place to begin at, to r0: calls one piece after the other. */
function defineRunner(
  module: WasmModule,
  scope: ModuleScope,
  { wide, changesFrame }: PieceLayout,
  pieces: readonly number[],
  results: readonly ValueType[],
  countsMayGoto: boolean,
): number {
  const signature: Signature = { params: [...wides(ARGUMENTS), 'i32', 'i32'], results: ['i64'] }
  const index = module.declareFunction(signature)
  const w = new FunctionWriter(signature.params.length)
  const frame = ARGUMENTS
  const next = ARGUMENTS + 1
  const values = Array.from({ length: wide }, (_, i) => (i >= 1 && i <= ARGUMENTS ? i - 1 : w.local('i64')))
  const mayGoto = w.local('i32')
  if (changesFrame) {
    pushFrameTop(w, scope.target, frame)
    w.set(values[FRAME_POINTER]!)
  }
  if (countsMayGoto) {
    w.i32(MAY_GOTO_LIMIT)
    w.set(mayGoto)
  }
  w.loop()
  w.block(module.type({ params: [], results }))
  for (let i = 0; i < pieces.length; i++) w.block()
  w.get(next)
  w.i32(PLACE_BITS)
  w.op(OP.i32_shr_u)
  w.brTable(
    pieces.slice(1).map((_, i) => i),
    pieces.length - 1,
  )
  pieces.forEach((piece, i) => {
    w.end()
    for (const value of values) w.get(value)
    w.get(frame)
    w.get(mayGoto)
    w.get(next)
    w.i32(2 ** PLACE_BITS - 1)
    w.op(OP.i32_and)
    w.call(piece)
    w.br(pieces.length - 1 - i)
  })
  w.end()
  w.set(next)
  w.set(mayGoto)
  for (let i = wide - 1; i >= 0; i--) w.set(values[i]!)
  w.get(next)
  w.i32(0)
  w.op(OP.i32_ge_s)
  w.brIf(0)
  w.end()
  if (scope.hasTable) {
    w.get(next)
    w.i32(EXITS)
    w.op(OP.i32_ne)
    w.if()
    w.get(values[0]!)
    for (let i = 1; i < ARGUMENTS; i++) w.i64(0)
    w.i32(TAIL_CALLS)
    w.get(next)
    w.op(OP.i32_sub)
    w.returnCallIndirect(scope.bpfFunction)
    w.end()
  }
  w.get(values[0]!)
  w.end()
  module.defineFunction(index, w.finish())
  return index
}

function defineEntry(
  module: WasmModule,
  { target }: ModuleScope,
  index: number,
  hasFrame: boolean,
  clear: FrameClear,
  runner: number,
  place: number,
): void {
  const w = new FunctionWriter(ARGUMENTS)
  const frame = w.local('i32')
  if (hasFrame) writeFrame(w, target, frame, clear)
  for (let i = 0; i < ARGUMENTS; i++) w.get(i)
  w.get(frame)
  w.i32(place)
  w.call(runner)
  w.end()
  module.defineFunction(index, w.finish())
}
