/**
 * One program in the making: its code, what is known at the place where it goes on, and the functions that are still to be
 * written. Rules write into it; each is chosen at random.
 * @module
 */
import type { AccessSize, AluOp, JumpOp, Operand } from '../../../src/isa/index.ts'
import type { SeededRandom } from '../../../src/util/index.ts'
import { Code } from '../../programs/code.ts'
import { MEMORY_SIZE, type WorldLayout } from '../world.ts'
import { FRAME, FRAME_POINTER, type Kind, Knowledge, moved, type Pointer } from './knowledge.ts'

/** How an argument of a function is made, so that every caller can make it. */
export type Recipe = 'number' | 'memory' | { readonly below: number }

export interface FunctionPlan {
  readonly role: 'plain' | 'callback' | 'recursive'
  readonly args: readonly Recipe[]
  /** It is called only by functions of lower levels: the main function's is 0. */
  readonly level: number
  /** Slots of the calls and loads of its address. */
  readonly references: number[]
}

/** What sort of program it is to be. */
export interface ProgramPlan {
  /** It may do what nobody may, once or twice: then the run ends in a fault. */
  readonly faulty: boolean
  /** It may go on for ever: the budget ends it. */
  readonly endless: boolean
  /** The highest level of functions. */
  readonly maxLevel: number
  /** Instructions of the main function, roughly. */
  readonly room: number
}

export interface Rule {
  readonly name: string
  readonly weight: number
  readonly write: (w: Writer) => void
  /** It calls something: not in loops that keep registers which calls take for arguments. */
  readonly calls?: boolean
  /** It takes the address of the frame. */
  readonly frames?: boolean
  /** It writes whole blocks. */
  readonly nests?: boolean
}

/** A jump forward that has not landed yet. */
interface Escape {
  readonly slot: number
  readonly know: Knowledge
  /** The loops around it. */
  readonly loops: readonly number[]
}

const EDGES: readonly number[] = [
  0, 1, 2, 3, 7, 8, 15, 16, 24, 31, 32, 33, 48, 63, 64, 65, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0xff00,
  0x7fffffff, -1, -2, -8, -128, -129, -256, -32768, -65536, -2147483648, -2147483647, 0x00ff00ff, 0x12345678,
]

export const ALU_OPS: readonly AluOp[] = [
  'add', 'sub', 'mul', 'div', 'sdiv', 'or', 'and', 'lsh', 'rsh', 'mod', 'smod', 'xor', 'mov', 'arsh',
] // biome-ignore format: one row

export const JUMP_OPS: readonly JumpOp[] = [
  'eq', 'gt', 'ge', 'set', 'ne', 'sgt', 'sge', 'lt', 'le', 'slt', 'sle',
] // biome-ignore format: one row

const MAX_NESTING = 4
const MAX_TRIPS = 200

export class Writer {
  readonly random: SeededRandom
  readonly layout: WorldLayout
  readonly plan: ProgramPlan
  readonly code = new Code()
  readonly indirectTargets = new Map<number, readonly number[]>()
  readonly functions: FunctionPlan[] = []
  readonly pending: FunctionPlan[] = []
  readonly counts = new Map<string, number>()
  know = new Knowledge()
  level = 0
  nesting = 0
  room = 0
  /** How often the place is passed, at most, in one run of its function. */
  trips = 1
  /** Registers that rules leave alone. */
  readonly reserved = new Set<number>()
  /** Calls would overwrite what is reserved. */
  noCalls = false
  /** The function uses its frame for nothing but loads and stores. */
  plainFrame = false
  readonly loops: number[] = []
  private nextLoop = 0
  private countersUsed = 0
  private escapes: Escape[] = []
  private rules: readonly Rule[] = []

  constructor(random: SeededRandom, layout: WorldLayout, plan: ProgramPlan) {
    this.random = random
    this.layout = layout
    this.plan = plan
  }

  useRules(rules: readonly Rule[]): void {
    this.rules = rules
  }

  beginFunction(level: number, kinds: readonly Kind[]): void {
    this.level = level
    this.know = new Knowledge([undefined, ...kinds])
    this.nesting = 0
    this.trips = 1
    this.reserved.clear()
    this.noCalls = false
    this.plainFrame = this.chance(1, 3)
    this.loops.length = 0
    this.countersUsed = 0
    this.escapes = []
  }

  // --- chance --------------------------------------------------------------------------------------------------------

  /** True in `n` of `of` cases. */
  chance(n: number, of: number): boolean {
    return this.random.below(of) < n
  }

  pick<T>(items: readonly T[]): T {
    return this.random.pick(items)
  }

  between(low: number, high: number): number {
    return this.random.between(low, high)
  }

  constant(): number {
    const kind = this.random.below(8)
    if (kind < 4) return this.pick(EDGES)
    if (kind < 6) return this.random.below(64)
    if (kind === 6) return (1 << this.random.below(31)) - this.random.below(2)
    return this.random.u32() | 0
  }

  width(): 32 | 64 {
    return this.chance(1, 2) ? 64 : 32
  }

  size(): AccessSize {
    return this.pick([1, 2, 4, 8] as const)
  }

  // --- blocks --------------------------------------------------------------------------------------------------------

  /** Up to `count` rules' worth of code. */
  block(count: number): void {
    this.nesting++
    for (let i = 0; i < count && this.room > 0; i++) {
      this.step()
      if (this.escapes.length > 0 && this.chance(1, 3)) this.landOne()
    }
    this.nesting--
  }

  private step(): void {
    const rule = this.chooseRule()
    const before = this.code.slot
    rule.write(this)
    this.room -= Math.max(1, this.code.slot - before)
    this.counts.set(rule.name, (this.counts.get(rule.name) ?? 0) + 1)
  }

  private chooseRule(): Rule {
    const deep = this.nesting > MAX_NESTING
    const fits = (rule: Rule): boolean =>
      !(this.noCalls && rule.calls === true) &&
      !(this.plainFrame && rule.frames === true) &&
      !(deep && rule.nests === true)
    let total = 0
    for (const rule of this.rules) if (fits(rule)) total += rule.weight
    let left = this.random.below(total)
    for (const rule of this.rules) {
      if (!fits(rule)) continue
      left -= rule.weight
      if (left < 0) return rule
    }
    return this.rules[0]!
  }

  /** Writes code on a way of its own; what is known at its end is the result, what was known before is known again. */
  aside(write: () => void): Knowledge {
    const before = this.know.copy()
    write()
    const after = this.know
    this.know = before
    return after
  }

  // --- registers -----------------------------------------------------------------------------------------------------

  /** A register to write to, none of `but`. */
  target(...but: readonly number[]): number {
    for (;;) {
      const reg = this.random.below(FRAME_POINTER)
      if (!this.reserved.has(reg) && !but.includes(reg)) return reg
    }
  }

  /** A register to read. */
  source(): number {
    return !this.plainFrame && this.chance(1, 40) ? FRAME_POINTER : this.random.below(FRAME_POINTER)
  }

  operand(): Operand {
    return this.chance(1, 2) ? { reg: this.source() } : { imm: this.constant() }
  }

  /** The register holds a number from here on. */
  number(reg: number): void {
    this.know.regs[reg] = undefined
  }

  /** Registers that a loop can keep for itself, as many as there are, at most `count`. */
  keepable(count: number): number[] {
    const found: number[] = []
    for (let i = 0; i < 3 * count && found.length < count && this.reserved.size + found.length < 4; i++) {
      const reg = this.noCalls ? this.between(1, 9) : this.between(6, 9)
      if (!this.reserved.has(reg) && !found.includes(reg)) found.push(reg)
    }
    return found
  }

  // --- pointers ------------------------------------------------------------------------------------------------------

  pointerIn(reg: number): Kind {
    return reg === FRAME_POINTER ? FRAME : this.know.regs[reg]
  }

  /** A register with a pointer at which `size` bytes can be accessed, aligned if need be; makes one if there is none. */
  pointer(size: number, aligned = false): number {
    const found: number[] = []
    for (let reg = 0; reg <= (this.plainFrame ? 9 : FRAME_POINTER); reg++) {
      const kind = this.pointerIn(reg)
      if (kind !== undefined && this.offsets(kind, size, aligned) !== undefined) found.push(reg)
    }
    if (found.length > 0 && this.chance(7, 8)) {
      const reg = this.pick(found)
      // The frame pointer is always there: the others shall have their share.
      return reg === FRAME_POINTER && this.chance(1, 3) ? this.makePointer() : reg
    }
    return this.makePointer()
  }

  /** Loads a pointer's constant. */
  makePointer(reg: number = this.target()): number {
    const arrays = this.layout.maps.filter(({ kind }) => kind === 'array')
    if (this.chance(2, 3)) return this.memoryPointer(reg, this.chance(1, 2) ? 0 : this.random.below(MEMORY_SIZE - 16))
    const { values, valueSize } = this.pick(arrays)
    // As global data: a byte of the only value.
    const at = this.chance(1, 2) ? 0 : this.random.below(valueSize - 8)
    this.code.constant(reg, (values + at) | 0, 0)
    this.know.regs[reg] = moved({ low: 0, high: valueSize, phase: 0, space: 'other' }, at)
    return reg
  }

  /** The constant address of a byte of the memory. */
  memoryPointer(reg: number, at = 0): number {
    this.code.constant(reg, (this.layout.memory + at) | 0, 0)
    this.know.regs[reg] = moved({ low: 0, high: MEMORY_SIZE, phase: 0, space: 'other' }, at)
    return reg
  }

  /** The offsets at which `size` bytes can be accessed: first, last and step; undefined if there are none. */
  offsets({ low, high, phase }: Pointer, size: number, aligned: boolean): [number, number, number] | undefined {
    const step = aligned ? size : 1
    if (aligned && phase === undefined && size > 1) return undefined
    const shift = aligned ? ((-(phase ?? 0) % size) + size) % size : 0
    const least = Math.max(-low, -32768)
    const first = aligned ? Math.ceil((least - shift) / step) * step + shift : least
    const last = Math.min(high - size, 32767)
    return first <= last ? [first, last, step] : undefined
  }

  /** One of these offsets; edges often. */
  offset(reg: number, size: number, aligned = false): number {
    const [first, last, step] = this.offsets(this.pointerIn(reg)!, size, aligned)!
    const count = Math.floor((last - first) / step) + 1
    if (reg === FRAME_POINTER && this.chance(3, 4)) {
      // Few slots, so that stores and loads meet, also in part.
      const near = Math.min(count, Math.ceil(48 / step))
      return first + step * (count - 1 - this.random.below(near))
    }
    const kind = this.random.below(4)
    return first + step * (kind === 0 ? 0 : kind === 1 ? count - 1 : this.random.below(count))
  }

  /** Of what is written through `reg`. */
  stored(reg: number, off: number, size: number): void {
    if (reg === FRAME_POINTER) this.know.overwrite(off, size)
    else if (this.know.regs[reg]?.space === 'stack') this.know.spilled.clear()
  }

  // --- control -------------------------------------------------------------------------------------------------------

  /** A conditional jump that has yet to land. */
  condition(): number {
    const dst = this.source()
    const op = this.pick(JUMP_OPS)
    // Single bits, the highest one above all.
    const bit = op === 'set' && this.chance(1, 2) ? 1 << this.pick([31, 31, this.random.below(31)]) : undefined
    return this.code.jump(op, dst, bit === undefined ? this.operand() : { imm: bit }, this.width())
  }

  /** A jump that lands somewhere further on. */
  escape(slot: number): void {
    this.escapes.push({ slot, know: this.know.copy(), loops: this.loops.slice() })
  }

  private landOne(): void {
    const fits = this.escapes.filter(({ loops }) => this.loops.every((loop, i) => loops[i] === loop))
    if (fits.length === 0) return
    this.land(this.pick(fits))
  }

  private land(one: Escape): void {
    this.escapes.splice(this.escapes.indexOf(one), 1)
    this.code.land(one.slot)
    this.know.join(one.know)
  }

  landAll(): void {
    for (const one of this.escapes.slice()) this.land(one)
  }

  /** Writes the inside of a loop, with `kept` registers that it leaves alone. */
  loop(kept: readonly number[], trips: number, write: () => void): void {
    const added = kept.filter((reg) => !this.reserved.has(reg))
    for (const reg of added) this.reserved.add(reg)
    this.loops.push(this.nextLoop++)
    this.trips *= trips
    this.know.forgetAllBut(this.reserved)
    write()
    this.trips /= trips
    this.loops.pop()
    for (const reg of added) this.reserved.delete(reg)
  }

  /** How often a loop may be passed here. */
  tripsLeft(most: number): number {
    return Math.max(1, Math.min(most, Math.floor(MAX_TRIPS / this.trips)))
  }

  /** Offset of a stack slot for a counter of one's own; undefined if all are taken. */
  takeCounter(): number | undefined {
    if (this.countersUsed === 8) return undefined
    return -512 + 8 * this.countersUsed++
  }

  giveCounterBack(): void {
    this.countersUsed--
  }

  // --- functions -----------------------------------------------------------------------------------------------------

  /** A function that may be called from here, of a role. */
  callee(role: FunctionPlan['role'], args: readonly Recipe[]): FunctionPlan | undefined {
    const fits = (one: FunctionPlan): boolean => !this.plainFrame || one.args.every((arg) => typeof arg === 'string')
    const known = this.functions.filter((one) => one.role === role && one.level > this.level && fits(one))
    if (known.length > 0 && (this.functions.length > 5 || this.chance(1, 2))) return this.pick(known)
    if (this.functions.length > 5 || this.level >= this.plan.maxLevel) return undefined
    const level = role === 'recursive' ? 100 : Math.min(this.plan.maxLevel, this.level + (this.chance(1, 5) ? 2 : 1))
    const plan: FunctionPlan = { role, args, level, references: [] }
    this.functions.push(plan)
    this.pending.push(plan)
    return plan
  }

  /** Puts an argument into its register. */
  argument(reg: number, recipe: Recipe): void {
    const { code } = this
    if (recipe === 'memory') this.memoryPointer(reg)
    else if (recipe === 'number') {
      if (this.chance(1, 2)) return
      code.alu('mov', reg, this.operand(), this.width())
      this.number(reg)
    } else {
      code.move(reg, FRAME_POINTER)
      code.alu('add', reg, { imm: -recipe.below })
      this.know.regs[reg] = moved(FRAME, -recipe.below)
    }
  }

  /** After a call, with these arguments. */
  called(args: readonly Recipe[] = []): void {
    this.number(0)
    if (args.some((recipe) => typeof recipe === 'object')) this.know.spilled.clear()
  }
}

/** What a callee knows of an argument. */
export function argumentKind(recipe: Recipe): Kind {
  if (recipe === 'number') return undefined
  if (recipe === 'memory') return { low: 0, high: MEMORY_SIZE, phase: 0, space: 'other' }
  return { ...moved(FRAME, -recipe.below), space: 'other' }
}
