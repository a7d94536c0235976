/**
 * Rules for memory: the stack, values of maps, packets, records; at fixed and at variable offsets.
 * @module
 */
import type { AccessSize, AtomicOp } from '../../../src/isa/index.ts'
import {
  CONTEXT_REGISTER,
  FRAME_POINTER,
  type GeneratorMap,
  type Kind,
  type MemoryKind,
  NOTHING,
  NUMBER,
} from './knowledge.ts'
import { bound } from './rules-numbers.ts'
import type { Rule, Writer } from './writer.ts'

const SIZES: readonly AccessSize[] = [1, 2, 4, 8]
const ATOMICS: readonly AtomicOp[] = ['add', 'or', 'and', 'xor', 'xchg', 'cmpxchg']

// --- the stack ---------------------------------------------------------------------------------------------------------

function spill(w: Writer): boolean {
  const slot = w.random.below(w.slots)
  const { know, code } = w
  const off = -8 * (slot + 1)
  const pointers = know.registers((kind) => kind.is !== 'number' && kind.is !== 'nothing')
  if (pointers.length > 0 && w.chance(1, 4)) {
    const src = w.pick(pointers)
    code.store(8, FRAME_POINTER, off, { reg: src })
    know.stack[slot] = know.regs[src]
    return true
  }
  const size = w.chance(1, 2) ? 8 : w.pick(SIZES)
  const at = off + size * w.random.below(8 / size)
  if (w.chance(1, 4)) {
    code.store(size, FRAME_POINTER, at, { imm: w.chance(1, 2) ? 0 : w.constant() })
    know.stack[slot] = NUMBER
    return true
  }
  const src = w.number()
  code.store(size, FRAME_POINTER, at, { reg: src })
  know.stack[slot] = size === 8 ? know.regs[src] : NUMBER
  return true
}

function fill(w: Writer): boolean {
  const { know, code } = w
  const known: number[] = []
  know.stack.forEach((kind, slot) => {
    if (kind !== undefined && kind !== NOTHING && slot < w.slots) known.push(slot)
  })
  if (known.length === 0) return false
  const slot = w.pick(known)
  const kind = know.stack[slot]!
  const dst = w.target()
  const off = -8 * (slot + 1)
  if (kind.is !== 'number') {
    code.load(8, dst, FRAME_POINTER, off)
    know.regs[dst] = kind
    return true
  }
  const size = w.chance(1, 2) ? 8 : w.pick(SIZES)
  const at = off + size * (w.chance(1, 2) ? 0 : w.random.below(8 / size))
  code.load(size, dst, FRAME_POINTER, at, w.chance(1, 4))
  know.regs[dst] = size === 8 ? kind : NUMBER
  return true
}

/** A pointer to some of the frame. */
export function stackPointer(w: Writer, dst: number, slots: number): MemoryKind {
  w.code.move(dst, FRAME_POINTER)
  w.code.alu('add', dst, { imm: -8 * slots })
  const kind: MemoryKind = { is: 'memory', room: 8 * slots, writable: true, space: 'stack', align: 8 }
  w.know.regs[dst] = kind
  return kind
}

function pointToStack(w: Writer): boolean {
  stackPointer(w, w.target(), 1 + w.random.below(w.slots))
  return true
}

/** Something may have been written anywhere on the stack: pointers there may be gone. */
export function disturbStack(w: Writer): void {
  w.know.stack.forEach((kind, slot) => {
    if (kind !== undefined && kind.is !== 'number') w.know.stack[slot] = NOTHING
  })
}

// --- memory ------------------------------------------------------------------------------------------------------------

function access(w: Writer): boolean {
  const bases = w.know.memories
  if (bases.length === 0) return false
  accessThrough(w, w.pick(bases))
  return true
}

/** One access through a pointer: within its room, or just beyond it. */
export function accessThrough(w: Writer, base: number): void {
  const { know, code } = w
  const kind = know.regs[base]
  if (kind?.is !== 'memory') return
  const { room, space, writable } = kind
  const limit = space === 'stack' ? Math.min(room, kind.align) : room
  const sizes = SIZES.filter((size) => size <= limit)
  const size = w.pick(sizes)
  let off = w.chance(1, 3) ? room - size : w.random.below(room - size + 1)
  if (space === 'stack') off -= off % size
  if (w.tempted) off = room - size + (space === 'stack' ? size : 1)
  const what = w.random.below(writable ? 10 : 5)
  const released = off % size === 0 && space !== 'packet' && w.chance(1, 12)
  if (what < 5) {
    const dst = w.target()
    if (released) code.push({ kind: 'load_acquire', size, dst, base, off })
    else code.load(size, dst, base, off, w.chance(1, 4))
    know.regs[dst] = NUMBER
    return
  }
  if (space === 'stack') disturbStack(w)
  if (what < 8 || size < 4 || off % size !== 0 || space === 'packet') {
    if (w.chance(1, 3)) code.store(size, base, off, { imm: w.constant() })
    else {
      const src = w.number([base])
      if (released) code.push({ kind: 'store_release', size, base, off, src })
      else code.store(size, base, off, { reg: src })
    }
    return
  }
  const op = w.pick(ATOMICS)
  if (op === 'cmpxchg') prepareResult(w, base)
  const src = w.number([base, 0])
  if (know.regs[base] !== kind) return
  const fetch = w.chance(1, 2)
  code.atomic(op, size === 4 ? 4 : 8, base, off, src, fetch)
  if (op === 'cmpxchg') know.regs[0] = NUMBER
  else if (fetch || op === 'xchg') know.regs[src] = NUMBER
}

/** cmpxchg compares with r0. */
function prepareResult(w: Writer, base: number): void {
  if (base === 0 || w.know.regs[0]!.is === 'number') return
  w.code.set(0, w.constant())
  w.know.regs[0] = NUMBER
}

/** A pointer moved by a number that is known within bounds. */
function variableOffset(w: Writer): boolean {
  const bases = w.know.registers((kind) => kind.is === 'memory' && kind.room > 1)
  let base: number
  if (bases.length > 0 && w.chance(3, 4)) base = w.pick(bases)
  else {
    base = w.target()
    if (w.chance(1, 2)) stackPointer(w, base, 1 + w.random.below(w.slots))
    else if (!direct(w, base)) return false
  }
  moveByNumber(w, base)
  return true
}

export function moveByNumber(w: Writer, base: number): void {
  const { know, code } = w
  const kind = know.regs[base]
  if (kind?.is !== 'memory' || kind.room < 2) return
  const align = kind.space === 'stack' ? w.pick([1, 1, 2, 4, 8].filter((one) => one <= kind.align)) : 1
  const reach = Math.floor((kind.room - 1) / align)
  if (reach < 1) return
  const bounded = know.numbers.filter((reg) => {
    const number = know.regs[reg]!
    return reg !== base && number.is === 'number' && number.max <= reach
  })
  let index: number
  if (bounded.length > 0 && w.chance(1, 2)) index = w.pick(bounded)
  else {
    index = w.unknown([base])
    if (know.regs[base] !== kind) return
    bound(w, index, w.chance(1, 2) ? reach : 1 + w.random.below(reach))
  }
  const number = know.regs[index]!
  if (number.is !== 'number' || know.regs[base] !== kind) return
  const most = number.max * align
  const dst = w.chance(1, 3) ? base : w.targetBut(base, index)
  if (align > 1) {
    code.alu('lsh', index, { imm: Math.log2(align) })
    w.setNumber(index, most)
  }
  if (dst !== base) code.move(dst, base)
  if (kind.space !== 'stack' && w.chance(1, 40)) {
    // As far forward as it may go, and back by the number.
    code.alu('add', dst, { imm: most })
    code.alu('sub', dst, { reg: index })
  } else code.alu('add', dst, { reg: index })
  know.regs[dst] = { ...kind, room: kind.room - most, align: Math.min(align, kind.align) }
  if (w.chance(1, 4)) {
    // And by a constant, there and back.
    const step = align * (1 + w.random.below(4))
    if (step < kind.room - most) {
      code.alu('add', dst, { imm: step })
      know.regs[dst] = { ...kind, room: kind.room - most - step, align: Math.min(align, kind.align) }
    }
  }
  if (w.chance(4, 5) && know.regs[dst]!.is === 'memory') accessThrough(w, dst)
}

// --- maps --------------------------------------------------------------------------------------------------------------

function lookUp(w: Writer): boolean {
  const candidates = w.maps.filter(({ role }) => role === 'array' || role === 'hash' || role === 'percpu')
  if (candidates.length === 0) return false
  const chosen = w.pick(candidates)
  const slot = putKey(w, chosen)
  w.code.symbol(1, { kind: 'map', map: chosen.map })
  w.code.move(2, FRAME_POINTER)
  w.code.alu('add', 2, { imm: -8 * (slot + 1) })
  w.code.helper(1)
  w.know.called({ is: 'maybe', room: chosen.map.valueSize, space: 'value' })
  resolve(w)
  return true
}

/** A key on the stack; gives its slot. */
export function putKey(w: Writer, { map, role }: GeneratorMap): number {
  const slot = w.random.below(w.slots)
  const off = -8 * (slot + 1)
  const size = map.keySize === 4 ? 4 : 8
  if (role === 'hash' || w.chance(1, 2))
    w.code.store(size, FRAME_POINTER, off, { imm: w.random.below(map.maxEntries + 1) })
  else w.code.store(size, FRAME_POINTER, off, { reg: w.number() })
  w.know.stack[slot] = NUMBER
  return slot
}

/** r0 may be NULL: tests it, or leaves that to later; or moves it before, which is wrong. */
function resolve(w: Writer): void {
  const { know, code } = w
  const kind = know.regs[0]!
  if (kind.is !== 'maybe') return
  const keep = w.chance(1, 2) ? w.pick([7, 8, 9]) : 0
  const free = !w.reserved.has(keep)
  if (keep !== 0 && free) {
    code.move(keep, 0)
    know.regs[keep] = kind
  }
  if (w.chance(1, 8)) return
  const tested = keep !== 0 && free && w.chance(1, 2) ? keep : 0
  if (w.tempted) {
    moveUntested(w, tested, kind)
    return
  }
  testForNull(w, tested)
  const found: MemoryKind = { is: 'memory', room: kind.room, writable: true, space: 'value', align: 8 }
  for (const reg of [0, keep]) if (know.regs[reg] === kind) know.regs[reg] = found
}

/** What may be NULL is moved first and tested then: NULL is no longer what it was. */
function moveUntested(w: Writer, reg: number, kind: Kind): void {
  const { know, code } = w
  const slot = w.random.below(w.slots)
  code.alu('add', reg, { imm: 8 })
  code.store(8, FRAME_POINTER, -8 * (slot + 1), { reg })
  know.stack[slot] = NOTHING
  testForNull(w, reg)
  know.regs.forEach((one, i) => {
    if (one === kind) know.regs[i] = NOTHING
  })
}

function testForNull(w: Writer, reg: number): void {
  const { code } = w
  if (w.chance(1, 2)) w.bail(code.jump('eq', reg, { imm: 0 }))
  else {
    const there = code.jump('ne', reg, { imm: 0 })
    w.bail(code.goto())
    code.land(there)
  }
}

/** What was left untested. */
function testLater(w: Writer): boolean {
  const { know } = w
  const found = know.registers((kind) => kind.is === 'maybe')
  if (found.length === 0) return false
  const reg = w.pick(found)
  const kind = know.regs[reg]!
  if (kind.is !== 'maybe') return false
  testForNull(w, reg)
  const memory: MemoryKind = { is: 'memory', room: kind.room, writable: true, space: 'value', align: 8 }
  know.regs.forEach((one, i) => {
    if (one === kind) know.regs[i] = memory
  })
  know.stack.forEach((one, i) => {
    if (one === kind) know.stack[i] = memory
  })
  return true
}

function globalData(w: Writer): boolean {
  return direct(w, w.target())
}

function direct(w: Writer, dst: number): boolean {
  const found = w.maps.filter(({ role }) => role === 'data' || role === 'constants')
  if (found.length === 0) return false
  const { map, role } = w.pick(found)
  const offset = w.chance(1, 2) ? 0 : w.random.below(map.valueSize)
  w.code.symbol(dst, { kind: 'map_value', map, offset })
  w.know.regs[dst] = {
    is: 'memory',
    room: map.valueSize - offset,
    writable: role === 'data',
    space: role === 'data' ? 'value' : 'constants',
    align: 1,
  }
  return true
}

// --- packets -----------------------------------------------------------------------------------------------------------

function packet(w: Writer): boolean {
  const { flavour, code, know } = w
  const fields = flavour.packet
  if (fields === undefined || !w.hasContext) return false
  const data = w.target()
  const end = w.targetBut(data)
  code.load(4, data, CONTEXT_REGISTER, fields.data)
  code.load(4, end, CONTEXT_REGISTER, fields.end)
  know.regs[data] = NOTHING
  know.regs[end] = NOTHING
  if (w.chance(2, 5)) {
    const index = w.unknown([data, end])
    bound(w, index, w.pick([3, 7, 15, 31, 63]))
    code.alu('add', data, { reg: index })
  }
  const size = 1 + w.random.below(w.pick([4, 16, 40]))
  const limit = w.targetBut(data, end)
  code.move(limit, data)
  code.alu('add', limit, { imm: size })
  know.regs[limit] = NOTHING
  if (w.chance(1, 6)) beyondPacket(w, limit, end, size)
  else w.bail(comparePacket(w, limit, end))
  const kind: Kind = { is: 'memory', room: size, writable: flavour.packetWritable, space: 'packet', align: 1 }
  know.regs[data] = kind
  accessThrough(w, data)
  return true
}

/** Where the packet is too short, the pointer goes back and is compared again. */
function beyondPacket(w: Writer, limit: number, end: number, size: number): void {
  const { code } = w
  const inside = w.chance(1, 2) ? code.jump('le', limit, { reg: end }) : code.jump('ge', end, { reg: limit })
  const back = w.random.below(size + 2)
  if (w.chance(1, 2)) code.alu('add', limit, { imm: -back })
  else code.alu('sub', limit, { imm: back })
  const again = w.chance(1, 2) ? code.jump('gt', limit, { reg: end }) : code.jump('ge', limit, { reg: end })
  code.set(0, 1)
  code.land(again)
  w.bail(code.goto())
  code.land(inside)
}

/** A jump that is taken if the packet does not reach to `limit`. */
function comparePacket(w: Writer, limit: number, end: number): number {
  const { code } = w
  switch (w.random.below(4)) {
    case 0:
      return code.jump('gt', limit, { reg: end })
    case 1:
      return code.jump('lt', end, { reg: limit })
    case 2:
      // Stricter than need be: equality is refused too.
      return code.jump('ge', limit, { reg: end })
    default:
      return code.jump('le', end, { reg: limit })
  }
}

function loadPacket(w: Writer): boolean {
  if (!w.flavour.loadsPacket || !w.hasContext || w.level > 0) return false
  const size = w.pick([1, 2, 4] as const)
  const indirect = w.chance(1, 3)
  const src = indirect ? w.number() : 0
  w.code.push({ kind: 'load_packet', mode: indirect ? 'ind' : 'abs', size, src, imm: w.random.below(40) })
  w.know.called(NUMBER)
  return true
}

function writeContext(w: Writer): boolean {
  const { flavour } = w
  if (!w.hasContext || flavour.contextWritable.length === 0) return false
  w.code.store(4, CONTEXT_REGISTER, w.pick(flavour.contextWritable), { reg: w.number() })
  return true
}

export const MEMORY_RULES: readonly Rule[] = [
  { name: 'spill', weight: 8, write: spill },
  { name: 'fill', weight: 8, write: fill },
  { name: 'pointer to the stack', weight: 2, write: pointToStack },
  { name: 'access', weight: 8, write: access },
  { name: 'variable offset', weight: 14, write: variableOffset },
  { name: 'look-up', weight: 4, write: lookUp },
  { name: 'late test for NULL', weight: 2, write: testLater },
  { name: 'global data', weight: 3, write: globalData },
  { name: 'packet', weight: 5, write: packet },
  { name: 'packet load', weight: 2, write: loadPacket },
  { name: 'write to the context', weight: 1, write: writeContext },
]
