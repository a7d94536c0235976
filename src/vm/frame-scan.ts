/**
 * How much of a function's stack frame must be cleared when it is entered.
 *
 * A frame's bytes that a program may read before it writes them are zero at entry, so that runs repeat exactly and
 * nothing leaks from an earlier run. Where the frame pointer is used for nothing but plain accesses, the lowest byte
 * that is read bounds them; where it goes elsewhere (a copy, an argument, a spill), it is the whole frame.
 * @module
 */
import { codeAddressTarget, fallsThrough, jumpTarget } from '../isa/cfg.ts'
import type { Instruction, Operand } from '../isa/instruction.ts'

const FRAME_POINTER = 10

/** Entries of all functions of a program: slot 0, the targets of local calls and of code addresses. Ascending. */
export function functionEntries(insns: readonly Instruction[]): number[] {
  const entries = new Set([0])
  insns.forEach((insn, slot) => {
    const target =
      insn.kind === 'call' && insn.target === 'local'
        ? slot + 1 + insn.imm
        : insn.kind === 'lddw' && insn.source === 'code_addr'
          ? codeAddressTarget(slot, insn)
          : -1
    const kind = insns[target]?.kind
    if (kind !== undefined && kind !== 'wide_tail') entries.add(target)
  })
  return [...entries].sort((a, b) => a - b)
}

/** For each entry, how many bytes below the frame pointer must be zero there: a multiple of 8, at most `stackSize`. */
export function scanFrames(
  insns: readonly Instruction[],
  entries: readonly number[],
  stackSize: number,
): Map<number, number> {
  const result = new Map<number, number>()
  let contained = true
  for (let i = 0; i < entries.length; i++) {
    const start = entries[i]!
    const end = entries[i + 1] ?? insns.length
    let bytes = 0
    for (let slot = start; slot < end; slot++) {
      const insn = insns[slot]!
      bytes = Math.max(bytes, bytesRead(insn, stackSize))
      if (insn.kind === 'goto_indirect') contained = false
      const target = jumpTarget(slot, insn)
      if (target !== undefined && (target < start || target >= end)) contained = false
    }
    let last = insns[end - 1]
    if (last?.kind === 'wide_tail') last = insns[end - 2]
    if (last !== undefined && end < insns.length && fallsThrough(last)) contained = false
    result.set(start, bytes)
  }
  // Control that crosses from one function into another reads a frame that the other's scan knows nothing of.
  if (!contained && entries.length > 1) for (const entry of entries) result.set(entry, stackSize)
  return result
}

/** How far below the frame pointer an instruction may read: all of the frame where it lets the pointer escape. */
function bytesRead(insn: Instruction, stackSize: number): number {
  switch (insn.kind) {
    case 'load':
    case 'load_acquire':
      if (insn.dst === FRAME_POINTER) return stackSize
      return insn.base === FRAME_POINTER ? depth(insn.off, stackSize) : 0
    case 'atomic':
      if (insn.src === FRAME_POINTER) return stackSize
      return insn.base === FRAME_POINTER ? depth(insn.off, stackSize) : 0
    case 'store':
      return isFramePointer(insn.src) ? stackSize : 0
    case 'store_release':
      return insn.src === FRAME_POINTER ? stackSize : 0
    case 'alu':
      return insn.dst === FRAME_POINTER || isFramePointer(insn.src) ? stackSize : 0
    case 'movsx':
    case 'addr_space_cast':
      return insn.dst === FRAME_POINTER || insn.src === FRAME_POINTER ? stackSize : 0
    case 'neg':
    case 'endian':
    case 'lddw':
      return insn.dst === FRAME_POINTER ? stackSize : 0
    default:
      return 0
  }
}

function depth(off: number, stackSize: number): number {
  return off >= 0 ? 0 : Math.min(stackSize, (-off + 7) & ~7)
}

function isFramePointer(operand: Operand): boolean {
  return 'reg' in operand && operand.reg === FRAME_POINTER
}
