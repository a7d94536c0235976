/**
 * Rules that access memory: what r1 points to, the stack, values of maps; and the arithmetic of pointers.
 * @module
 */
import { FRAME_POINTER, moved, type Pointer } from './knowledge.ts'
import type { Rule, Writer } from './writer.ts'

function load(w: Writer): void {
  const size = w.size()
  const base = w.pointer(size)
  const off = w.offset(base, size)
  const dst = w.target()
  const spilled = base === FRAME_POINTER && size === 8 ? w.know.spilled.get(-off) : undefined
  w.code.load(size, dst, base, off, w.chance(1, 3))
  w.know.regs[dst] = spilled
}

function store(w: Writer): void {
  const size = w.size()
  const base = w.pointer(size)
  const off = w.offset(base, size)
  w.code.store(size, base, off, w.operand())
  w.stored(base, off, size)
}

/** A register to the stack, and back from there or from nearby, in this size or another. */
function spill(w: Writer): void {
  if (w.plainFrame && w.chance(7, 8)) {
    // As a compiler does it: every slot has its size.
    const place = w.between(1, 5)
    const size = ([8, 4, 2, 1, 4] as const)[place - 1]!
    const dst = w.target()
    if (w.chance(2, 3)) w.code.store(size, FRAME_POINTER, -8 * place, w.operand())
    if (w.chance(1, 3)) return
    w.code.load(size, dst, FRAME_POINTER, -8 * place, w.chance(1, 3))
    w.know.overwrite(-8 * place, size)
    w.number(dst)
    return
  }
  const size = w.size()
  const off = w.chance(1, 3) ? w.offset(FRAME_POINTER, size) : -8 * w.between(1, 6)
  w.code.store(size, FRAME_POINTER, off, w.operand())
  w.know.overwrite(off, size)
  if (w.chance(1, 3)) return
  if (w.chance(1, 3)) w.block(2)
  const back = w.size()
  const at = off + w.between(0, Math.max(0, size - back))
  if (at + back > 0) return
  const dst = w.target()
  const spilled = back === 8 ? w.know.spilled.get(-at) : undefined
  w.code.load(back, dst, FRAME_POINTER, at, w.chance(1, 4))
  w.know.regs[dst] = spilled
}

function spillPointer(w: Writer): void {
  const reg = w.pointer(1)
  const pointer = w.pointerIn(reg)!
  const at = 8 * w.between(1, 6)
  w.code.store(8, FRAME_POINTER, -at, { reg })
  w.know.overwrite(-at, 8)
  w.know.spilled.set(at, pointer)
}

/** Without a value that comes back; or with one. */
function atomic(w: Writer): void {
  const size = w.pick([4, 8] as const)
  const base = w.pointer(size, true)
  const off = w.offset(base, size, true)
  const op = w.pick(['add', 'or', 'and', 'xor', 'xchg', 'cmpxchg'] as const)
  const fetches = op === 'xchg' || op === 'cmpxchg' || w.chance(1, 2)
  const src = fetches && op !== 'cmpxchg' ? w.target() : w.source()
  if (op === 'cmpxchg' && w.chance(1, 2)) {
    // So that the comparison holds.
    w.code.load(size, 0, base === 0 ? FRAME_POINTER : base, base === 0 ? -8 : off)
    w.number(0)
    if (base === 0) return
  }
  w.code.atomic(op, size, base, off, src, fetches)
  w.stored(base, off, size)
  if (fetches) w.number(op === 'cmpxchg' ? 0 : src)
}

function ordered(w: Writer): void {
  const size = w.size()
  const base = w.pointer(size, true)
  const off = w.offset(base, size, true)
  if (w.chance(1, 2)) {
    const dst = w.target()
    w.code.push({ kind: 'load_acquire', size, dst, base, off })
    w.number(dst)
  } else {
    w.code.push({ kind: 'store_release', size, base, off, src: w.source() })
    w.stored(base, off, size)
  }
}

const MOVES: readonly number[] = [1, 2, 3, 4, 8, 16, 24, 64, -1, -4, -8, -64]
const FAR_MOVES: readonly number[] = [
  0x10000, 0x7fff, 0x8000, 100_000, 0x12345678, 0x7fffffff, -0x10000, -0x12345678, -0x80000000,
]

/** A pointer that was moved by a constant, near or far; a far one may come back. */
function movePointer(w: Writer): void {
  const from = w.pointer(1)
  const to = w.chance(1, 3) && from !== FRAME_POINTER && !w.reserved.has(from) ? from : w.target()
  let pointer: Pointer = w.pointerIn(from)!
  if (to !== from) w.code.move(to, from)
  const add = (by: number): void => {
    const next = moved(pointer, by)
    // The 32-bit form is right where the sum is an address.
    const narrow = Math.abs(next.low) < 16384 && w.chance(1, 4)
    if (w.chance(1, 3) && by !== -0x80000000) w.code.alu('sub', to, { imm: -by }, narrow ? 32 : 64)
    else w.code.alu('add', to, { imm: by }, narrow ? 32 : 64)
    pointer = next
  }
  if (w.chance(1, 3)) {
    const by = w.pick(FAR_MOVES)
    add(by)
    if (w.chance(1, 2)) {
      // Used as a number.
      const copy = w.target(to, from)
      w.code.move(copy, to)
      w.number(copy)
    }
    add(-by === 0x80000000 ? 0x7fffffff : -by)
  } else add(w.pick(MOVES))
  w.know.regs[to] = pointer
}

/** A pointer plus an index that is not known, but masked. */
function indexPointer(w: Writer): void {
  const from = w.pointer(8)
  const pointer = w.pointerIn(from)!
  const [low, high] = [Math.max(0, pointer.low), Math.max(0, pointer.high)]
  const bits = w.between(1, 6)
  const mask = ((1 << bits) - 1) & (w.chance(1, 2) ? ~7 : ~0)
  const subtract = low > high
  if (Math.max(low, high) <= mask) return
  const index = w.target(from)
  if (w.chance(1, 2)) w.code.alu('mov', index, w.operand(), w.width())
  w.code.alu('and', index, { imm: mask }, w.width())
  w.number(index)
  const kind: Pointer = {
    low: subtract ? pointer.low - mask : pointer.low,
    high: subtract ? pointer.high : pointer.high - mask,
    phase: (mask & 7) === 0 ? pointer.phase : undefined,
    space: pointer.space,
  }
  if (!subtract && w.chance(1, 3)) {
    w.code.alu('add', index, { reg: from })
    w.know.regs[index] = kind
    return
  }
  const to = w.target(index)
  if (to !== from) w.code.move(to, from)
  w.code.alu(subtract ? 'sub' : 'add', to, { reg: index })
  w.know.regs[to] = kind
}

/** Pointers that are made and used in the same few registers, in one block. */
function pointersInTurn(w: Writer): void {
  const from = w.pointer(8)
  const to = w.target(from)
  for (let i = w.between(2, 5); i > 0; i--) {
    const pointer = w.pointerIn(from)!
    const mask = w.pick([7, 8, 15, 24])
    if (w.chance(1, 2) && pointer.high >= mask + 8) {
      const index = w.target(to, from)
      if (w.chance(1, 2)) w.code.alu('mov', index, w.operand(), w.width())
      w.code.alu('and', index, { imm: mask }, w.width())
      w.number(index)
      w.code.move(to, from)
      w.code.alu('add', to, { reg: index })
      w.know.regs[to] = { ...pointer, high: pointer.high - mask, phase: undefined }
      if (w.chance(1, 3)) w.number(w.target(to, from))
    } else {
      w.code.move(to, from)
      w.know.regs[to] = pointer
      if (w.chance(1, 2)) movePointer(w)
    }
    if (w.pointerIn(to) === undefined || w.pointerIn(from) === undefined) return
    const size = w.size()
    if (w.offsets(w.pointerIn(to)!, size, false) === undefined) continue
    const off = w.offset(to, size)
    if (w.chance(1, 2)) {
      w.code.store(size, to, off, w.operand())
      w.stored(to, off, size)
    } else {
      const dst = w.target(to, from)
      w.code.load(size, dst, to, off, w.chance(1, 3))
      w.number(dst)
    }
  }
}

function loadPacket(w: Writer): void {
  const size = w.pick([1, 2, 4] as const)
  const beyond = w.chance(1, 12)
  if (w.chance(1, 2)) {
    const imm = beyond ? w.pick([64, 61 + size, -1, 1000]) : w.between(0, 64 - size)
    w.code.push({ kind: 'load_packet', mode: 'abs', size, src: 0, imm })
  } else {
    const src = w.target()
    w.code.alu('and', src, { imm: 31 }, w.width())
    w.number(src)
    const imm = beyond ? w.constant() : w.between(0, 32 - size)
    w.code.push({ kind: 'load_packet', mode: 'ind', size, src, imm })
  }
  w.number(0)
}

export const MEMORY_RULES: readonly Rule[] = [
  { name: 'load', weight: 12, write: load },
  { name: 'store', weight: 14, write: store },
  { name: 'spill', weight: 8, write: spill },
  { name: 'spill of a pointer', weight: 2, write: spillPointer },
  { name: 'atomic operation', weight: 14, write: atomic },
  { name: 'ordered access', weight: 6, write: ordered },
  { name: 'moved pointer', weight: 6, write: movePointer },
  { name: 'indexed pointer', weight: 6, write: indexPointer },
  { name: 'pointers in turn', weight: 5, write: pointersInTurn },
  { name: 'packet load', weight: 3, write: loadPacket },
  { name: 'address', weight: 3, write: (w) => void w.makePointer() },
]
