/**
 * Rules that do what no program may, where both engines say the same of it.
 * @module
 */
import { INSTRUCTION_TAG } from '../../../src/vm/index.ts'
import { FRAME_POINTER } from './knowledge.ts'
import type { Rule, Writer } from './writer.ts'

/** An access to page zero (a read is none of the faults), or beyond the end of the memory. */
function badAddress(w: Writer): void {
  const { code } = w
  const reg = w.target()
  const size = w.size()
  const near = w.chance(1, 2)
  const address = near ? w.random.below(65536 - 32768) : w.pick([0x7fffffff, -1, -8, -65536, 0x40000000])
  const off = near ? w.random.below(16384) : w.between(-64, 64)
  code.constant(reg, address, 0)
  w.number(reg)
  if (w.chance(1, 3)) {
    code.load(size, w.target(reg), reg, off, w.chance(1, 3))
    for (let i = 0; i < FRAME_POINTER; i++) if (!w.reserved.has(i)) w.number(i)
  } else code.store(size, reg, off, w.operand())
}

function misaligned(w: Writer): void {
  const size = w.pick([4, 8] as const)
  const reg = w.memoryPointer(w.target())
  const off = size * w.random.below(8) + w.between(1, size - 1)
  if (w.chance(2, 3))
    w.code.atomic(w.pick(['add', 'xchg', 'cmpxchg', 'or'] as const), size, reg, off, w.target(), w.chance(1, 2))
  else w.code.push({ kind: 'load_acquire', size, dst: w.target(), base: reg, off })
  for (let i = 0; i < FRAME_POINTER; i++) if (!w.reserved.has(i)) w.number(i)
}

function badCall(w: Writer): void {
  const { code } = w
  switch (w.random.below(5)) {
    case 0:
      code.helper(w.pick([9999, -1, 4321]))
      break
    case 1:
      code.push({ kind: 'call', target: 'kfunc', imm: 77, off: 0 })
      break
    case 2: {
      const reg = w.target()
      code.constant(reg, w.constant(), w.pick([0x62706601, 1, -1]))
      code.push({ kind: 'callx', reg })
      w.number(reg)
      break
    }
    case 3: {
      const reg = w.target()
      code.set(reg, 7777)
      code.push({ kind: 'callx', reg })
      w.number(reg)
      break
    }
    default:
      // What is no map.
      w.memoryPointer(1)
      code.helper(1)
  }
  w.number(0)
}

function badJump(w: Writer): void {
  const { code } = w
  switch (w.random.below(3)) {
    case 0: {
      const reg = w.target()
      code.constant(reg, w.random.below(200), w.chance(1, 2) ? INSTRUCTION_TAG : 0)
      w.number(reg)
      const skip = w.condition()
      const jump = code.push({ kind: 'goto_indirect', dst: reg })
      w.indirectTargets.set(jump, [code.slot])
      code.land(skip)
      break
    }
    case 1:
      // Beyond the end.
      code.land(w.condition(), 10_000)
      break
    default: {
      // Into the second slot of a wide instruction.
      const reg = w.target()
      const jump = w.condition()
      code.constant(reg, 1, 2)
      w.number(reg)
      code.land(jump, code.slot - 1)
    }
  }
}

function tooDeep(w: Writer): void {
  const callee = w.callee('recursive', ['number', 'memory'])
  if (callee === undefined) return
  w.memoryPointer(2)
  w.code.set(1, 20)
  w.number(1)
  callee.references.push(w.code.callFunction())
  w.called()
}

export const FAULT_RULES: readonly Rule[] = [
  { name: 'bad address', weight: 2, write: badAddress },
  { name: 'misaligned atomic', weight: 1, write: misaligned },
  { name: 'bad call', weight: 1, calls: true, write: badCall },
  { name: 'bad jump', weight: 1, write: badJump },
  { name: 'calls too deep', weight: 1, calls: true, write: tooDeep },
]
