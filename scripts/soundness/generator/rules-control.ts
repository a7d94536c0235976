/**
 * Rules for control: branches that join again, values that differ by the way that was taken, loops.
 * @module
 */
import type { JumpOp } from '../../../src/isa/index.ts'
import { KEPT, type Knowledge, NOTHING, NUMBER, SCRATCH } from './knowledge.ts'
import { bound } from './rules-numbers.ts'
import type { Rule, Writer } from './writer.ts'

const CONDITIONS: readonly JumpOp[] = ['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'sgt', 'sge', 'slt', 'sle', 'set']

/** A jump on numbers; anything may be known of them. */
function condition(w: Writer): number {
  const dst = w.unknown()
  return w.code.jump(w.pick(CONDITIONS), dst, w.operand([dst]), w.chance(2, 5) ? 32 : 64)
}

function branch(w: Writer): boolean {
  if (w.nesting >= 3) return false
  const { code } = w
  const taken = condition(w)
  const first = w.aside(() => w.block(1 + w.random.below(4)))
  if (w.chance(1, 2)) {
    code.land(taken)
    w.know.join(first)
    return true
  }
  const over = code.goto()
  code.land(taken)
  const second = w.aside(() => w.block(1 + w.random.below(3)))
  code.land(over)
  second.join(first)
  w.know.assign(second)
  return true
}

/** A number that is one of two, as a condition decides: both ways meet where it is used. */
function diverge(w: Writer): boolean {
  const { code } = w
  const chosen = w.pick([...SCRATCH, ...KEPT].filter((reg) => !w.reserved.has(reg)))
  const max = w.pick([3, 7, 15, 31])
  const [a, b] = [w.random.below(max + 1), w.random.below(max + 1)]
  const extra = w.chance(1, 3) ? w.random.below(8) : 0
  code.set(chosen, a)
  w.setNumber(chosen, max)
  const dst = w.unknown([chosen])
  const src = w.know.numbers.filter((reg) => reg !== dst && reg !== chosen)
  const skip = code.jump(
    w.pick(CONDITIONS),
    dst,
    src.length > 0 && w.chance(1, 3) ? { reg: w.pick(src) } : { imm: w.comparand() },
    w.chance(1, 3) ? 32 : 64,
  )
  code.set(chosen, b)
  code.land(skip)
  w.setNumber(chosen, max)
  // On its way to where it is used the number passes through other places.
  if (w.chance(1, 3)) {
    const slot = w.random.below(w.slots)
    code.store(8, 10, -8 * (slot + 1), { reg: chosen })
    w.know.stack[slot] = { is: 'number', max }
    if (w.chance(1, 2)) {
      code.set(chosen, w.constant())
      code.load(8, chosen, 10, -8 * (slot + 1))
    }
  }
  if (w.chance(1, 3)) {
    const other = w.targetBut(chosen)
    code.move(other, chosen)
    if (extra > 0) code.alu('add', other, { imm: extra })
    w.setNumber(other, max + extra)
  }
  if (w.chance(1, 4)) {
    const sum = w.targetBut(chosen)
    code.set(sum, w.random.below(8))
    code.alu(w.pick(['add', 'or', 'xor'] as const), sum, { reg: chosen })
    w.setNumber(sum, max + 7)
  }
  return true
}

/** A loop with a bound: of a constant, or of a number that is known within bounds. */
function loop(w: Writer): boolean {
  if (w.inLoop || w.nesting >= 2) return false
  const counters = KEPT.filter((reg) => !w.reserved.has(reg))
  if (counters.length < 2) return false
  const { code } = w
  const counter = w.pick(counters)
  const limits = counters.filter((reg) => reg !== counter)
  const rounds = 1 + w.random.below(w.pick([2, 4, 8]))
  const limit = w.chance(1, 2) ? w.pick(limits) : undefined
  if (limit !== undefined) {
    const from = w.unknown([counter])
    if (from !== limit) code.move(limit, from)
    w.know.regs[limit] = NUMBER
    bound(w, limit, rounds)
  }
  code.set(counter, 0)
  w.know.regs[counter] = { is: 'number', max: rounds }
  if (limit !== undefined) w.reserved.add(limit)
  w.reserved.add(counter)
  const keptPointers = KEPT.filter((reg) => !w.reserved.has(reg) && w.know.regs[reg]!.is === 'memory')
  for (const reg of keptPointers) w.reserved.add(reg)
  const start = entryOfLoop(w, counter, limit)
  w.know = start.copy()
  w.inLoop = true
  const top = code.slot
  const out = limit === undefined ? -1 : code.jump('ge', counter, { reg: limit })
  const end = w.aside(() => w.block(1 + w.random.below(4)))
  w.inLoop = false
  w.know = end
  restore(w, start)
  code.alu('add', counter, { imm: 1 }, w.chance(1, 4) ? 32 : 64)
  if (limit === undefined) code.land(code.jump('lt', counter, { imm: rounds }), top)
  else {
    code.land(code.goto(), top)
    code.land(out)
  }
  w.know = start.copy()
  w.know.join(end)
  w.reserved.delete(counter)
  if (limit !== undefined) w.reserved.delete(limit)
  for (const reg of keptPointers) w.reserved.delete(reg)
  w.setNumber(counter, rounds + 1)
  return true
}

/** A loop that the machine bounds: any number of rounds, for all that the verifier knows. */
function mayGoto(w: Writer): boolean {
  if (w.inLoop || w.nesting >= 2) return false
  const { code } = w
  const kept = KEPT.filter((reg) => !w.reserved.has(reg) && w.know.regs[reg]!.is === 'memory')
  for (const reg of kept) w.reserved.add(reg)
  const start = entryOfLoop(w, -1, undefined)
  w.know = start.copy()
  w.inLoop = true
  const top = code.slot
  const over = code.push({ kind: 'may_goto', off: 0 })
  const out = condition(w)
  const end = w.aside(() => w.block(1 + w.random.below(4)))
  w.inLoop = false
  w.know = end
  restore(w, start)
  code.land(code.goto(), top)
  code.land(over)
  code.land(out)
  w.know = start.copy()
  w.know.join(end)
  for (const reg of kept) w.reserved.delete(reg)
  return true
}

/** What holds whenever the loop begins another round: numbers, but not how large; pointers that are kept. */
function entryOfLoop(w: Writer, counter: number, limit: number | undefined): Knowledge {
  const start = w.know.copy()
  start.regs.forEach((kind, reg) => {
    if (reg === counter || reg === limit) return
    if (kind.is === 'number') start.regs[reg] = NUMBER
    else if (kind.is !== 'context' && !w.reserved.has(reg)) start.regs[reg] = NOTHING
  })
  start.stack.forEach((kind, slot) => {
    if (kind !== undefined) start.stack[slot] = kind.is === 'number' ? NUMBER : NOTHING
  })
  return start
}

/** Makes the end of a round like its beginning. */
function restore(w: Writer, start: Knowledge): void {
  start.regs.forEach((kind, reg) => {
    if (kind.is !== 'number' || w.know.regs[reg]!.is === 'number') return
    w.code.set(reg, w.constant())
    w.know.regs[reg] = NUMBER
  })
  start.stack.forEach((kind, slot) => {
    const now = w.know.stack[slot]
    if (kind?.is !== 'number' || now?.is === 'number') return
    w.code.store(8, 10, -8 * (slot + 1), { imm: 0 })
    w.know.stack[slot] = NUMBER
  })
}

export const CONTROL_RULES: readonly Rule[] = [
  { name: 'branch', weight: 10, write: branch },
  { name: 'one of two numbers', weight: 7, write: diverge },
  { name: 'loop', weight: 4, write: loop },
  { name: 'may_goto', weight: 1, write: mayGoto },
]
