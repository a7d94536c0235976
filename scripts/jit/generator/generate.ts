/**
 * Random programs for comparing engines: valid, unless they are meant to fault, and rich in everything that a compiler may get
 * wrong. From one seed comes one program, and the programs that it may tail-call.
 * @module
 */
import type { Instruction } from '../../../src/isa/index.ts'
import { SeededRandom } from '../../../src/util/index.ts'
import { MEMORY_SIZE, type WorldLayout } from '../world.ts'
import type { Kind } from './knowledge.ts'
import { CALL_RULES, tailCall } from './rules-calls.ts'
import { CONTROL_RULES } from './rules-control.ts'
import { FAULT_RULES } from './rules-faults.ts'
import { MEMORY_RULES } from './rules-memory.ts'
import { NUMBER_RULES } from './rules-numbers.ts'
import { argumentKind, type FunctionPlan, type ProgramPlan, type Rule, Writer } from './writer.ts'

export interface GeneratedCode {
  readonly insns: readonly Instruction[]
  readonly indirectTargets: ReadonlyMap<number, readonly number[]>
}

/** Which passes the JITs of a world have, in their order; `ahead` knows no addresses; `some`: as the seed says. */
export const JITS = ['all', 'none', 'pieces', 'ahead', 'some'] as const

export interface GeneratedProgram extends GeneratedCode {
  readonly seed: number
  /** Programs in the first entries of the program array, if it calls any. */
  readonly tails: readonly GeneratedCode[]
  /** It may do what nobody may: it is no verified program, and the interpreter must not check accesses. */
  readonly faulty: boolean
  /** Nothing that it does could not have been verified: no guard is needed. */
  readonly verified: boolean
  /** Instructions that it may take. */
  readonly budget: number
  /** The JIT's code charges it: always where the interpreter uses it up. */
  readonly charges: boolean
  /** Which of a world's JITs compiles it. */
  readonly passes: (typeof JITS)[number]
  /** How often each rule wrote something. */
  readonly rules: ReadonlyMap<string, number>
}

const BASE_RULES: readonly Rule[] = [...NUMBER_RULES, ...MEMORY_RULES, ...CONTROL_RULES, ...CALL_RULES]
const LARGE_BUDGET = 20_000
/** The levels of functions below the main one: with it there are eight frames. */
const MAX_LEVEL = 7

export function generate(seed: number, layout: WorldLayout): GeneratedProgram {
  const random = new SeededRandom(seed)
  const faulty = random.below(16) === 0
  const endless = random.below(12) === 0
  const verified = !faulty && random.below(2) === 0
  const small = endless || random.below(10) === 0
  const budget = small ? 1 + random.below(random.below(2) === 0 ? 60 : 600) : LARGE_BUDGET
  const charges = random.below(3) > 0
  const passes = random.pick(['all', 'all', 'all', 'some', 'some', 'none', 'pieces', 'ahead'] as const)
  const room = 8 + random.below(random.below(4) === 0 ? 140 : 60)
  const plan: ProgramPlan = { faulty, endless, maxLevel: MAX_LEVEL, room }
  const rules = preferences(random, faulty)
  const main = new Writer(random, layout, plan)
  main.useRules(rules)
  writeProgram(main)
  const tails: GeneratedCode[] = []
  if ((main.counts.get('tail call') ?? 0) > 0) {
    for (let i = random.below(3); i >= 0; i--) {
      // It may run in the last frame: it calls no function.
      const tail = new Writer(random, layout, { ...plan, maxLevel: 0, room: 6 + random.below(20) })
      tail.useRules(rules)
      const itself = tails.length
      // Some call themselves until there were too many, and count.
      writeProgram(tail, random.below(2) === 0 ? itself : undefined)
      tails.push(finished(tail))
    }
  }
  return { seed, ...finished(main), tails, faulty, verified, budget, charges, passes, rules: main.counts }
}

/** Each program prefers some rules, so that programs differ more than draws from one hat would let them. */
function preferences(random: SeededRandom, faulty: boolean): Rule[] {
  const rules = BASE_RULES.map((rule) => ({ ...rule, weight: rule.weight * random.pick([1, 1, 2, 2, 3, 8]) }))
  return faulty ? [...rules, ...FAULT_RULES.map((rule) => ({ ...rule, weight: 10 * rule.weight }))] : rules
}

function finished({ code, indirectTargets }: Writer): GeneratedCode {
  return { insns: code.insns, indirectTargets }
}

function writeProgram(w: Writer, next?: number): void {
  w.beginFunction(0, [argumentKind('memory')])
  w.room = w.plan.room
  seedRegisters(w)
  if (next !== undefined) countRounds(w)
  w.block(100)
  if (next !== undefined) tailCall(w, next)
  end(w, w.chance(7, 8) ? 9 : 2)
  const starts = new Map<FunctionPlan, number>()
  for (let plan = w.pending.shift(); plan !== undefined; plan = w.pending.shift()) {
    starts.set(plan, w.code.slot)
    writeFunction(w, plan)
  }
  for (const [{ references }, start] of starts) for (const slot of references) w.code.place(slot, start)
}

/** Counts in the last word of the memory. */
function countRounds(w: Writer): void {
  w.code.set(2, 1)
  w.code.atomic('add', 4, 1, MEMORY_SIZE - 4, 2, false)
}

/** Something to work on. */
function seedRegisters(w: Writer): void {
  for (let reg = 0; reg < 10; reg++) {
    if (reg === 1 || w.chance(1, 3)) continue
    if (w.chance(1, 2)) w.code.load(8, reg, 1, 8 * w.random.below(MEMORY_SIZE / 8))
    else w.code.alu('mov', reg, { imm: w.constant() }, w.width())
  }
}

function writeFunction(w: Writer, plan: FunctionPlan): void {
  const kinds: Kind[] = plan.args.map(argumentKind)
  w.beginFunction(plan.level, kinds)
  w.room = 4 + w.random.below(24)
  if (plan.role === 'recursive') {
    writeRecursion(w)
    return
  }
  w.block(20)
  end(w, w.random.below(4))
}

/** r1 counts the calls that are left. */
function writeRecursion(w: Writer): void {
  const { code } = w
  const start = code.slot
  w.noCalls = true
  w.reserved.add(1).add(2)
  w.block(3)
  w.landAll()
  const last = code.jump('sle', 1, { imm: 0 })
  code.alu('add', 1, { imm: -1 })
  code.place(code.callFunction(), start)
  w.number(0)
  w.block(2)
  code.land(last)
  end(w, 2)
}

/** Leaves the function, on all its ways, with what is in its registers. */
function end(w: Writer, registers: number): void {
  const { code } = w
  w.landAll()
  for (let i = 0; i < registers; i++) {
    const reg = registers === 9 ? i + 1 : w.between(1, 9)
    code.alu('mul', 0, { imm: 0x01000193 })
    code.alu(w.pick(['xor', 'add'] as const), 0, { reg })
  }
  code.exit()
}
