/**
 * Rules for the flow of control: branches, loops of every shape, jumps that cross, ways out.
 * @module
 */
import type { AluOp } from '../../../src/isa/index.ts'
import { INSTRUCTION_TAG } from '../../../src/vm/index.ts'
import { FRAME_POINTER, moved } from './knowledge.ts'
import type { Rule, Writer } from './writer.ts'

function branch(w: Writer): void {
  const { code } = w
  const jump = w.condition()
  const before = w.know.copy()
  w.block(w.between(1, 5))
  if (w.chance(1, 2)) {
    code.land(jump)
    w.know.join(before)
    return
  }
  const over = goto(w)
  const after = w.know
  w.know = before
  code.land(jump)
  w.block(w.between(1, 4))
  code.land(over)
  w.know.join(after)
}

function goto(w: Writer): number {
  return w.code.push({ kind: 'goto', wide: w.chance(1, 2), off: 0 })
}

/** A counter in a register or on the stack. */
interface Counter {
  readonly reg: number
  /** Undefined: it stays in the register. */
  readonly slot: number | undefined
}

function beginCounter(w: Writer, start: number): Counter | undefined {
  const [reg] = w.chance(3, 4) ? w.keepable(1) : []
  if (reg !== undefined) {
    w.code.alu('mov', reg, { imm: start }, w.width())
    w.number(reg)
    return { reg, slot: undefined }
  }
  const slot = w.takeCounter()
  if (slot === undefined) return undefined
  w.code.store(8, FRAME_POINTER, slot, { imm: start })
  return { reg: -1, slot }
}

/** Counts, and answers the register with the count. */
function step(w: Writer, counter: Counter, by: number): number {
  const op: AluOp = w.chance(1, 2) ? 'add' : 'sub'
  const imm = op === 'add' ? by : -by
  if (counter.slot === undefined) {
    w.code.alu(op, counter.reg, { imm })
    return counter.reg
  }
  const reg = w.target()
  w.code.load(8, reg, FRAME_POINTER, counter.slot)
  w.code.alu(op, reg, { imm })
  w.code.store(8, FRAME_POINTER, counter.slot, { reg })
  w.number(reg)
  return reg
}

/** Goes round a number of times that its counter says; the body is whatever fits. */
function countedLoop(w: Writer): void {
  const { code } = w
  const leaf = !w.noCalls && w.chance(1, 2)
  if (leaf) w.noCalls = true
  const trips = w.tripsLeft(w.between(1, 12))
  const down = w.chance(1, 2)
  const counter = beginCounter(w, down ? trips : 0)
  if (counter !== undefined) {
    const kept = [...(counter.reg < 0 ? [] : [counter.reg]), ...w.keepable(w.between(0, 2))]
    const testFirst = w.chance(1, 4) ? goto(w) : undefined
    w.loop([...new Set(kept)], trips, () => {
      const head = code.slot
      w.block(w.between(1, w.chance(1, 4) ? 8 : 3))
      if (testFirst !== undefined) {
        // Before the first round, only what is kept is known.
        code.land(testFirst)
        w.know.forgetAllBut(w.reserved)
      }
      if (w.chance(1, 6)) again(w, step(w, counter, down ? -1 : 1), down, trips, head)
      if (w.chance(1, 6)) w.escape(w.condition())
      again(w, step(w, counter, down ? -1 : 1), down, trips, head)
    })
    if (counter.slot !== undefined) w.giveCounterBack()
  }
  if (leaf) w.noCalls = false
}

/** Back to the head as long as there are rounds left. */
function again(w: Writer, reg: number, down: boolean, trips: number, head: number): void {
  const width = w.width()
  const jump = down
    ? w.code.jump(w.pick(['sgt', 'sgt', 'sge'] as const), reg, { imm: w.code.insns.length % 2 }, width)
    : w.code.jump(w.pick(['slt', 'lt', 'le', 'sle'] as const), reg, { imm: trips }, width)
  w.code.land(jump, head)
}

/** A small loop without a branch in it, of the kind that is unrolled: a sum, a copy, a walk along a pointer. */
function smallLoop(w: Writer): void {
  const { code } = w
  const size = w.pick([1, 1, 2, 4, 8] as const)
  const trips = w.tripsLeft(w.between(0, 20))
  const base = w.pointer(8)
  const kind = w.pointerIn(base)!
  const fits = Math.max(0, Math.min(32767, kind.high))
  const rounds = Math.max(1, Math.min(trips, Math.floor(fits / size)))
  const walk = w.target(base)
  const counter = w.target(base, walk)
  const value = w.target(base, walk, counter)
  const sum = w.target(base, walk, counter, value)
  const walks = kind.low >= 0 && fits >= size
  const pointer = walks ? kind : undefined
  code.move(walk, base)
  const down = w.chance(1, 2)
  code.set(counter, down ? rounds : 0)
  const head = code.slot
  if (walks) {
    if (w.chance(3, 4)) {
      code.load(size, value, walk, 0, w.chance(1, 4))
      code.alu(w.pick(['add', 'xor', 'mul', 'sub'] as const), sum, { reg: value }, w.width())
    }
    if (w.chance(1, 4)) {
      code.store(size, walk, 0, { reg: sum })
      w.know.spilled.clear()
    }
    code.alu('add', walk, { imm: size })
  }
  for (let i = w.between(walks ? 0 : 1, 2); i > 0; i--) {
    code.alu(
      w.pick(['add', 'xor', 'mul', 'sub', 'lsh', 'arsh', 'or'] as const),
      sum,
      w.chance(1, 2) ? { reg: counter } : { imm: w.constant() },
      w.width(),
    )
  }
  code.alu('add', counter, { imm: down ? -1 : 1 })
  const back = down
    ? code.jump(w.pick(['ne', 'gt', 'sgt'] as const), counter, { imm: 0 }, w.width())
    : code.jump(w.pick(['ne', 'lt', 'slt'] as const), counter, { imm: rounds }, w.width())
  code.land(back, head)
  for (const reg of [walk, counter, value, sum]) w.number(reg)
  if (pointer !== undefined) w.know.regs[walk] = moved(pointer, rounds * size)
}

/** Blocks that jump to each other as they please, until a counter runs out. */
function tangle(w: Writer): void {
  const { code } = w
  const trips = w.tripsLeft(w.between(2, 16))
  const counter = beginCounter(w, trips)
  if (counter === undefined) return
  const count = w.between(2, 6)
  const starts: number[] = []
  const jumps: { slot: number; to: number }[] = []
  const outs: number[] = []
  const kept = counter.reg < 0 ? [] : [counter.reg]
  const anywhere = (slot: number): void => void jumps.push({ slot, to: w.random.below(count) })
  w.loop([...kept, ...w.keepable(w.between(0, 1))], trips, () => {
    if (w.chance(2, 3)) anywhere(w.condition())
    if (w.chance(1, 3)) anywhere(goto(w))
    for (let i = 0; i < count; i++) {
      starts.push(code.slot)
      w.know.forgetAllBut(w.reserved)
      if (!w.plan.endless || w.chance(1, 2)) {
        outs.push(code.jump('sle', step(w, counter, -1), { imm: 0 }))
      }
      w.block(w.between(0, 3))
      if (w.chance(1, 2)) anywhere(w.condition())
      if (w.chance(1, 3)) anywhere(w.condition())
      if (w.chance(1, 2)) anywhere(goto(w))
    }
  })
  for (const { slot, to } of jumps) code.land(slot, starts[to]!)
  for (const slot of outs) code.land(slot)
  w.know.forgetAllBut(w.reserved)
  if (counter.slot !== undefined) w.giveCounterBack()
}

/** A jump by a table, to one of a few places. */
function indirect(w: Writer): void {
  const { code } = w
  const reg = w.target()
  const choices = w.between(1, 3)
  const constants: number[] = []
  for (let i = 0; i < choices; i++) {
    const skip = i > 0 ? w.condition() : undefined
    constants.push(code.slot)
    code.constant(reg, 0, INSTRUCTION_TAG)
    if (skip !== undefined) code.land(skip)
  }
  w.number(reg)
  const jump = code.push({ kind: 'goto_indirect', dst: reg })
  const places = w.between(choices, choices + 1)
  const targets: number[] = []
  const ends: number[] = []
  const before = w.know.copy()
  let known = before
  for (let i = 0; i < places; i++) {
    w.know = before.copy()
    targets.push(code.slot)
    w.block(w.between(0, 3))
    if (i < places - 1) ends.push(goto(w))
    if (i === 0) known = w.know
    else known.join(w.know)
  }
  w.know = known
  for (const slot of ends) code.land(slot)
  constants.forEach((slot, i) => {
    code.insns[slot] = { kind: 'lddw', source: 'imm64', dst: reg, imm: targets[i]!, imm2: INSTRUCTION_TAG }
  })
  w.indirectTargets.set(jump, w.chance(1, 4) ? [...targets, targets[0]!] : targets)
}

/** Leaves the function, on a condition. */
function leave(w: Writer): void {
  const jump = w.condition()
  w.code.alu('mov', 0, w.operand(), w.width())
  w.code.exit()
  w.code.land(jump)
}

/** Code that no control reaches, or only a jump ahead. */
function deadCode(w: Writer): void {
  const over = goto(w)
  const before = w.know.copy()
  w.block(2)
  if (w.chance(1, 4)) w.code.exit()
  w.code.land(over)
  // A jump ahead may have landed in it.
  w.know.join(before)
}

/** A call of what is not there, where control never comes. */
function neverCalled(w: Writer): void {
  const reg = w.target()
  const value = w.constant()
  w.code.set(reg, value)
  w.number(reg)
  const jump = w.code.jump('eq', reg, { imm: value }, w.width())
  w.code.push({ kind: 'call', target: 'kfunc', imm: w.random.below(1000), off: 0 })
  w.code.land(jump)
}

/** The budget ends it, or a jump out of it. */
function endlessLoop(w: Writer): void {
  if (!w.plan.endless || w.trips > 1) return
  const kept = w.keepable(1)
  w.loop(kept, 50, () => {
    const head = w.code.slot
    w.block(w.between(1, 4))
    if (w.chance(1, 2)) w.escape(w.code.push({ kind: 'may_goto', off: 0 }))
    if (w.chance(1, 3)) w.escape(w.condition())
    w.code.land(goto(w), head)
  })
  // Only escapes come here.
  w.know.forgetAllBut(w.reserved)
}

export const CONTROL_RULES: readonly Rule[] = [
  { name: 'branch', weight: 14, nests: true, write: branch },
  { name: 'counted loop', weight: 6, nests: true, write: countedLoop },
  { name: 'small loop', weight: 4, write: smallLoop },
  { name: 'tangle', weight: 2, nests: true, write: tangle },
  { name: 'indirect jump', weight: 1, nests: true, write: indirect },
  { name: 'jump ahead', weight: 6, write: (w) => w.escape(w.condition()) },
  { name: 'jump to the next instruction', weight: 2, write: (w) => void w.condition() },
  { name: 'goto the next instruction', weight: 1, write: (w) => void goto(w) },
  { name: 'may_goto', weight: 2, write: (w) => w.escape(w.code.push({ kind: 'may_goto', off: 0 })) },
  { name: 'way out', weight: 3, write: leave },
  { name: 'dead code', weight: 1, nests: true, write: deadCode },
  { name: 'call of what is not there', weight: 1, write: neverCalled },
  { name: 'endless loop', weight: 2, nests: true, write: endlessLoop },
]
