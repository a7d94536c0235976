/**
 * Rules for calls: functions of the program, callbacks, helpers that are given memory, records, tail calls.
 * @module
 */
import { CONTEXT, CONTEXT_REGISTER, FRAME_POINTER, type Kind, NOTHING, NUMBER } from './knowledge.ts'
import { accessThrough, disturbStack, putKey, stackPointer } from './rules-memory.ts'
import { bound } from './rules-numbers.ts'
import type { Rule, Writer } from './writer.ts'

const MAX_FUNCTIONS = 4
/** `struct buf *`, of sixteen bytes, as a global function gets it. */
const BUFFER_OR_NULL: Kind = { is: 'maybe', room: 16, space: 'record' }

function mayCall(w: Writer): boolean {
  return w.level < 2 && w.written.length + w.pending.length < MAX_FUNCTIONS
}

/** What comes back from a function: a number; pointers into the packet, and on the stack, may be void. */
function returned(w: Writer): void {
  w.know.called(NUMBER)
  w.know.forgetPacket()
  disturbStack(w)
}

function call(w: Writer): boolean {
  if (!mayCall(w)) return false
  const args: Kind[] = []
  const count = 1 + w.random.below(4)
  for (let i = 1; i <= count; i++) args.push(putArgument(w, i))
  const reference = w.code.callFunction()
  w.pending.push({ references: [reference], role: 'static', args, level: w.level + 1 })
  returned(w)
  return true
}

/** Puts something into the register of argument `i`; those before it stay as they are. */
function putArgument(w: Writer, i: number): Kind {
  const { know, code } = w
  const found = know
    .registers((kind) => kind.is === 'number' || kind.is === 'memory')
    .filter((reg) => reg === 0 || reg >= i)
  const kind = w.random.below(6)
  if (kind === 0 && w.hasContext) {
    code.move(i, CONTEXT_REGISTER)
    know.regs[i] = CONTEXT
  } else if (kind === 1) stackPointer(w, i, 1 + w.random.below(w.slots))
  else if (found.length > 0) {
    const reg = w.pick(found)
    if (reg !== i) code.move(i, reg)
    know.regs[i] = know.regs[reg]!
  } else {
    code.set(i, w.constant())
    know.regs[i] = NUMBER
  }
  return know.regs[i]!
}

function callGlobal(w: Writer): boolean {
  if (!mayCall(w)) return false
  // long f(struct buf *, long): sixteen bytes of memory, or NULL for all that the function knows.
  stackPointer(w, 1, 2 + w.random.below(w.slots - 2))
  for (let slot = 0; slot < w.slots; slot++) w.know.stack[slot] = undefined
  putNumber(w, 2)
  const reference = w.code.callFunction()
  w.pending.push({ references: [reference], role: 'global', args: [BUFFER_OR_NULL, NUMBER], level: w.level + 1 })
  returned(w)
  return true
}

function putNumber(w: Writer, reg: number): void {
  const others = w.know.numbers.filter((one) => one === 0 || one > reg)
  if (others.length > 0) w.code.move(reg, w.pick(others))
  else w.code.set(reg, w.constant())
  w.know.regs[reg] = NUMBER
}

/** The argument that a callback gets from its caller: some of the stack, or nothing. */
function putCallbackContext(w: Writer, reg: number): Kind {
  if (w.chance(2, 3)) return stackPointer(w, reg, 1 + w.random.below(w.slots))
  w.code.set(reg, 0)
  return NUMBER
}

function callLoop(w: Writer): boolean {
  if (!mayCall(w) || w.inLoop) return false
  const { code } = w
  if (w.chance(1, 2)) code.set(1, w.random.below(6))
  else {
    const rounds = w.unknown()
    bound(w, rounds, w.pick([1, 3, 7]))
    if (rounds !== 1) code.move(1, rounds)
  }
  const reference = code.functionAddress(2)
  w.know.regs[2] = NOTHING
  const context = putCallbackContext(w, 3)
  code.set(4, 0)
  code.helper(181)
  w.pending.push({ references: [reference], role: 'loop', args: [NUMBER, context], level: w.level + 1 })
  returned(w)
  return true
}

function walkMap(w: Writer): boolean {
  const maps = w.maps.filter(({ role }) => role === 'array' || role === 'hash')
  if (!mayCall(w) || w.inLoop || maps.length === 0) return false
  const { code } = w
  const { map } = w.pick(maps)
  code.symbol(1, { kind: 'map', map })
  const reference = code.functionAddress(2)
  const context = putCallbackContext(w, 3)
  code.set(4, 0)
  code.helper(164)
  const key: Kind = { is: 'memory', room: map.keySize, writable: false, space: 'constants', align: 1 }
  const value: Kind = { is: 'memory', room: map.valueSize, writable: true, space: 'value', align: 8 }
  const args = [NOTHING, key, value, context]
  w.pending.push({ references: [reference], role: 'element', args, level: w.level + 1 })
  returned(w)
  return true
}

// --- helpers -----------------------------------------------------------------------------------------------------------

/** A buffer in `reg` and its size in `reg + 1`; gives the most that the size can be. Zero only where that may be. */
function putBuffer(w: Writer, reg: number, written: boolean, zero: boolean): number {
  const { code, know } = w
  const found = know.memories.filter((one) => {
    const kind = know.regs[one]!
    const usable = kind.is === 'memory' && kind.space !== 'packet' && (!written || kind.writable)
    return usable && (one === 0 || one > reg + 1)
  })
  let room: number
  if (found.length > 0 && w.chance(1, 2)) {
    const base = w.pick(found)
    const kind = know.regs[base]!
    room = kind.is === 'memory' ? kind.room : 0
    code.move(reg, base)
    if (kind.is === 'memory' && kind.space === 'stack') disturbStack(w)
  } else {
    const slots = 1 + w.random.below(Math.min(8, w.slots))
    room = stackPointer(w, reg, slots).room
    w.forgetSlots(0, slots, NUMBER)
  }
  know.regs[reg] = NOTHING
  const most = w.tempted ? room + 1 : room
  if (w.chance(1, 2)) code.set(reg + 1, 1 + w.random.below(most))
  else {
    const size = w.unknown([reg])
    bound(w, size, zero ? most : most - 1)
    if (!zero) code.alu('add', size, { imm: 1 })
    if (size !== reg + 1) code.move(reg + 1, size)
  }
  know.regs[reg + 1] = NUMBER
  return most
}

function readKernel(w: Writer): boolean {
  const text = w.chance(1, 2)
  const most = putBuffer(w, 1, true, true)
  putNumber(w, 3)
  w.code.helper(text ? 115 : 113)
  w.know.called(NUMBER)
  if (!text || w.chance(1, 2)) return true
  // The length that was read, or an error.
  w.bail(w.code.jump(w.chance(1, 2) ? 'slt' : 'sle', 0, { imm: 0 }, w.chance(1, 4) ? 32 : 64))
  w.setNumber(0, most)
  return true
}

function loadBytes(w: Writer): boolean {
  if (!w.hasContext || w.flavour.packet === undefined) return false
  const xdp = w.flavour.type === 'xdp'
  putBuffer(w, 3, true, false)
  w.code.move(1, CONTEXT_REGISTER)
  putNumber(w, 2)
  w.code.helper(xdp ? 189 : 26)
  w.know.called(NUMBER)
  return true
}

function output(w: Writer): boolean {
  const ring = w.maps.find(({ role }) => role === 'ringbuf')
  if (ring === undefined) return false
  putBuffer(w, 2, false, true)
  w.code.symbol(1, { kind: 'map', map: ring.map })
  w.code.set(4, 0)
  w.code.helper(130)
  w.know.called(NUMBER)
  return true
}

function update(w: Writer): boolean {
  const maps = w.maps.filter(
    ({ role, map }) => (role === 'array' || role === 'hash') && map.valueSize <= 8 * w.slots - 8,
  )
  if (maps.length === 0) return false
  const chosen = w.pick(maps)
  const { code } = w
  const keySlot = putKey(w, chosen)
  const removes = w.chance(1, 4)
  if (!removes) {
    stackPointer(w, 3, Math.ceil(chosen.map.valueSize / 8))
    w.code.set(4, w.random.below(2))
  }
  code.symbol(1, { kind: 'map', map: chosen.map })
  code.move(2, FRAME_POINTER)
  code.alu('add', 2, { imm: -8 * (keySlot + 1) })
  code.helper(removes ? 3 : 2)
  w.know.called(NUMBER)
  return true
}

/** A record is reserved, written to, and given back in any case. */
function record(w: Writer): boolean {
  const ring = w.maps.find(({ role }) => role === 'ringbuf')
  if (ring === undefined || w.reserved.has(9)) return false
  const { code, know } = w
  const size = w.pick([8, 16, 24, 40])
  code.symbol(1, { kind: 'map', map: ring.map })
  code.set(2, size)
  code.set(3, 0)
  code.helper(131)
  know.called(NOTHING)
  const none = code.jump('eq', 0, { imm: 0 })
  code.move(9, 0)
  know.regs[9] = { is: 'memory', room: size, writable: true, space: 'record', align: 8 }
  w.reserved.add(9)
  for (let i = w.random.below(4); i > 0; i--) accessThrough(w, 9)
  w.reserved.delete(9)
  code.move(1, 9)
  if (w.tempted) code.alu('add', 1, { imm: 8 })
  code.set(2, 0)
  code.helper(w.chance(1, 2) ? 132 : 133)
  code.land(none)
  know.called(NOTHING)
  know.regs[9] = NOTHING
  return true
}

function tailCall(w: Writer): boolean {
  const programs = w.maps.find(({ role, map }) => role === 'programs' && map.name === w.flavour.type)
  if (programs === undefined || !w.hasContext || w.level > 0) return false
  const { code } = w
  putNumber(w, 3)
  code.move(1, CONTEXT_REGISTER)
  code.symbol(2, { kind: 'map', map: programs.map })
  code.helper(12)
  w.know.called(NUMBER)
  // Linux takes any tail call to have moved the packet.
  w.know.forgetPacket()
  return true
}

function movePacket(w: Writer): boolean {
  const { movers } = w.flavour
  if (movers.length === 0 || !w.hasContext) return false
  const { id, args } = w.pick(movers)
  for (let i = 2; i < 2 + args; i++) {
    w.code.set(i, w.random.below(40) - 20)
    w.know.regs[i] = NUMBER
  }
  w.code.move(1, CONTEXT_REGISTER)
  w.code.helper(id)
  w.know.called(NUMBER)
  w.know.forgetPacket()
  return true
}

export const CALL_RULES: readonly Rule[] = [
  { name: 'call', weight: 3, write: call },
  { name: 'call of a global function', weight: 1, write: callGlobal },
  { name: 'bpf_loop', weight: 2, write: callLoop },
  { name: 'for each element', weight: 1, write: walkMap },
  { name: 'read of kernel memory', weight: 3, write: readKernel },
  { name: 'bytes of the packet', weight: 2, write: loadBytes },
  { name: 'output', weight: 1, write: output },
  { name: 'update, delete', weight: 2, write: update },
  { name: 'record', weight: 2, write: record },
  { name: 'tail call', weight: 1, write: tailCall },
  { name: 'move of the packet', weight: 1, write: movePacket },
]
