/**
 * What a function begins with: where its frame lies, and the part of it that has to be zero.
 * @module
 */
import { CPU_FRAME } from './cpu-block.ts'
import type { FunctionWriter } from './function-writer.ts'
import type { JitTarget } from './target.ts'
import { BULK_MEMORY_FILL, OP, PREFIX_BULK } from './wasm-opcodes.ts'

/** Frames that have at least so many bytes to clear are cleared by one instruction. */
const FILL_BYTES = 128

/** Puts the frame's lowest address into a local, and clears its uppermost bytes. */
export function writeFrame(w: FunctionWriter, target: JitTarget, frame: number, clear: number): void {
  w.address(target.cpuBlock)
  w.memory(OP.i32_load, CPU_FRAME)
  w.i32(target.frameSize)
  w.op(OP.i32_sub)
  w.set(frame)
  clearFrame(w, target.frameSize, frame, clear)
}

function clearFrame(w: FunctionWriter, frameSize: number, frame: number, clear: number): void {
  if (clear >= FILL_BYTES) {
    w.get(frame)
    w.i32(frameSize - clear)
    w.op(OP.i32_add)
    w.i32(0)
    w.i32(clear)
    w.op(PREFIX_BULK)
    w.out.u32(BULK_MEMORY_FILL)
    w.out.byte(0)
    return
  }
  for (let at = frameSize - clear; at < frameSize; at += 8) {
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
