/**
 * What a function begins with: where its frame lies, and the part of it that has to be zero.
 * @module
 */
import { CPU_FRAME } from './cpu-block.ts'
import type { ByteRange, FrameClear } from './frame-clears.ts'
import type { FunctionWriter } from './function-writer.ts'
import type { JitTarget } from './target.ts'
import { BULK_MEMORY_FILL, OP, PREFIX_BULK, SIMD } from './wasm-opcodes.ts'

/** Ranges that have more bytes are cleared by one instruction, which engines make a call of. */
const MAX_STORED_BYTES = 512
const VECTOR_BYTES = 16
const WORD_BYTES = 8

/** Puts the frame's lowest address into a local, and clears what has to be zero. */
export function writeFrame(w: FunctionWriter, target: JitTarget, frame: number, clear: FrameClear): void {
  w.address(target.cpuBlock)
  w.memory(OP.i32_load, CPU_FRAME)
  w.i32(target.frameSize)
  w.op(OP.i32_sub)
  w.set(frame)
  for (const range of clear) clearRange(w, frame, range)
}

function clearRange(w: FunctionWriter, frame: number, { from, to }: ByteRange): void {
  if (to - from > MAX_STORED_BYTES) {
    w.get(frame)
    w.i32(from)
    w.op(OP.i32_add)
    w.i32(0)
    w.i32(to - from)
    w.op(PREFIX_BULK)
    w.out.u32(BULK_MEMORY_FILL)
    w.out.byte(0)
    return
  }
  let at = from
  for (; at + VECTOR_BYTES <= to; at += VECTOR_BYTES) {
    w.get(frame)
    w.i32(0)
    w.vector(SIMD.i32x4_splat)
    w.vectorMemory(SIMD.v128_store, at)
  }
  for (; at < to; at += WORD_BYTES) {
    w.get(frame)
    w.i64(0)
    w.memory(OP.i64_store, at)
  }
}

/** Leaves r10 on the stack. */
export function pushFrameTop(w: FunctionWriter, { frameSize }: JitTarget, frame: number): void {
  w.get(frame)
  w.i32(frameSize)
  w.op(OP.i32_add)
  w.op(OP.i64_extend_i32_u)
}
