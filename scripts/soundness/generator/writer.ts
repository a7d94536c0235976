/**
 * One program in the making: the code, what is known at the place where it goes on, and the functions that are still to
 * be written. Rules write into it; each is chosen at random among those that fit.
 * @module
 */
import type { Operand } from '../../../src/isa/index.ts'
import type { SeededRandom } from '../../../src/util/index.ts'
import { Code } from '../../programs/code.ts'
import { type GeneratorMap, KEPT, type Kind, Knowledge, NOTHING, NUMBER, SCRATCH } from './knowledge.ts'

/** What programs of a type can do. */
export interface ProgramFlavour {
  readonly type: string
  /** Offsets of readable 32-bit numbers of the context. */
  readonly contextNumbers: readonly number[]
  /** Offsets of 32-bit numbers of the context that may be written. */
  readonly contextWritable: readonly number[]
  /** Offsets of the packet's start and end; undefined where programs do not see the packet. */
  readonly packet: { readonly data: number; readonly end: number } | undefined
  /** The packet may be written. */
  readonly packetWritable: boolean
  /** LD_ABS and LD_IND. */
  readonly loadsPacket: boolean
  /** Helpers that take the context and move the packet: id, and number of further arguments. */
  readonly movers: readonly { readonly id: number; readonly args: number }[]
  /** Return values that are allowed. */
  readonly returns: { readonly min: number; readonly max: number }
}

/** A function that code already calls, and that is still to be written. */
export interface PendingFunction {
  /** Slots of the calls, or of the loads of its address. */
  readonly references: number[]
  readonly role: 'static' | 'loop' | 'element' | 'global'
  /** r1 to r5 at its entry. */
  readonly args: readonly Kind[]
  readonly level: number
}

export interface WriterOptions {
  readonly random: SeededRandom
  readonly flavour: ProgramFlavour
  readonly maps: readonly GeneratorMap[]
  /** Out of 1000 rules, how many are tempting: right only if the verifier looks away. */
  readonly temptation: number
}

/** A rule writes something, or finds that it cannot and writes nothing. */
export interface Rule {
  readonly name: string
  readonly weight: number
  readonly write: (w: Writer) => boolean
}

/** A function that was written: where it begins and what it is. */
export interface WrittenFunction {
  readonly slot: number
  readonly role: PendingFunction['role'] | 'main'
  readonly args: readonly Kind[]
}

const CONSTANTS: readonly number[] = [
  0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 33, 63, 64, 100, 127, 128, 255, 256, 1000, 0x7fff, 0x8000, 0xffff, 0x10000,
  0x7fffffff, -1, -2, -8, -16, -128, -256, -32768, -65536, -2147483648, -2147483647,
]

export class Writer {
  readonly random: SeededRandom
  readonly flavour: ProgramFlavour
  readonly maps: readonly GeneratorMap[]
  readonly temptation: number
  readonly code = new Code()
  readonly pending: PendingFunction[] = []
  readonly written: WrittenFunction[] = []
  readonly counts = new Map<string, number>()
  know = new Knowledge()
  /** Blocks inside of blocks; functions called from functions. */
  nesting = 0
  level = 0
  /** Jumps to where the function gives up. */
  bailouts: number[] = []
  /** Stack slots that the function may use. */
  slots = 16
  /** The context is in r6. */
  hasContext = true
  inLoop = false
  /** Registers that rules must leave alone. */
  readonly reserved = new Set<number>()
  /** Instructions that may still be written, roughly. */
  room = 0
  /** Constants that the program compares with: pairs of halves. */
  readonly dictionary: number[] = []
  private rules: readonly Rule[] = []

  constructor(options: WriterOptions) {
    this.random = options.random
    this.flavour = options.flavour
    this.maps = options.maps
    this.temptation = options.temptation
  }

  useRules(rules: readonly Rule[]): void {
    this.rules = rules
  }

  // --- chance --------------------------------------------------------------------------------------------------------

  /** True in `n` of `of` cases. */
  chance(n: number, of: number): boolean {
    return this.random.below(of) < n
  }

  pick<T>(items: readonly T[]): T {
    return this.random.pick(items)
  }

  /** An immediate: mostly an edge. */
  constant(): number {
    const kind = this.random.below(10)
    if (kind < 4) return this.pick(CONSTANTS)
    if (kind < 7) return this.random.below(64)
    if (kind === 7) return -this.random.below(300) - 1
    if (kind === 8) return 1 << this.random.below(31)
    return this.random.u32() | 0
  }

  /** A constant that is compared with: the world will answer with it, or its neighbours. */
  comparand(): number {
    const value = this.constant()
    this.remember(value, value >> 31)
    return value
  }

  remember(low: number, high: number): void {
    if (this.dictionary.length < 32) this.dictionary.push(low | 0, high | 0)
  }

  /** Whether to write what only a verifier that is wrong would take. */
  get tempted(): boolean {
    return this.random.below(1000) < this.temptation
  }

  // --- rules ---------------------------------------------------------------------------------------------------------

  /** Writes `count` rules' worth of code. */
  block(count: number): void {
    for (let i = 0; i < count && this.room > 0; i++) this.step()
  }

  private step(): void {
    for (let attempt = 0; attempt < 8; attempt++) {
      const rule = this.chooseRule()
      const before = this.code.slot
      if (!rule.write(this)) continue
      this.room -= this.code.slot - before
      this.counts.set(rule.name, (this.counts.get(rule.name) ?? 0) + 1)
      return
    }
  }

  private chooseRule(): Rule {
    let total = 0
    for (const { weight } of this.rules) total += weight
    let left = this.random.below(total)
    for (const rule of this.rules) {
      left -= rule.weight
      if (left < 0) return rule
    }
    return this.rules[0]!
  }

  // --- registers -----------------------------------------------------------------------------------------------------

  /** A register to put something into: scratch, or one that calls keep. What it held is forgotten. */
  target(): number {
    for (;;) {
      const reg = this.chance(1, 3) ? this.pick(KEPT) : this.pick(SCRATCH)
      if (!this.reserved.has(reg)) return reg
    }
  }

  /** A target that is none of `taken`. */
  targetBut(...taken: readonly number[]): number {
    for (;;) {
      const reg = this.target()
      if (!taken.includes(reg)) return reg
    }
  }

  /** A register that holds a number and may be changed, or makes one do so. */
  number(but: readonly number[] = []): number {
    const found = this.know.numbers.filter((reg) => !but.includes(reg) && !this.reserved.has(reg))
    if (found.length > 0 && !this.chance(1, 12)) return this.pick(found)
    const reg = this.targetBut(...but)
    this.code.set(reg, this.constant())
    this.know.regs[reg] = NUMBER
    return reg
  }

  /** A number of which the verifier knows nothing, if one can be had cheaply. */
  unknown(but: readonly number[] = []): number {
    const found = this.know.numbers.filter((reg) => !but.includes(reg) && !this.reserved.has(reg))
    if (found.length > 0 && this.chance(2, 3)) return this.pick(found)
    const reg = this.targetBut(...but)
    if (this.hasContext && this.flavour.contextNumbers.length > 0) {
      this.code.load(4, reg, 6, this.pick(this.flavour.contextNumbers))
    } else {
      this.code.load(this.pick([1, 2, 4, 8] as const), reg, 10, -8 * (1 + this.random.below(this.slots)))
      // What the stack holds there may be a pointer; a number is not certain.
      this.code.alu('xor', reg, { imm: this.constant() })
    }
    this.know.regs[reg] = NUMBER
    return reg
  }

  /** An operand: a register with a number, or an immediate. */
  operand(but: readonly number[] = []): Operand {
    const found = this.know.numbers.filter((reg) => !but.includes(reg))
    return found.length > 0 && this.chance(1, 2) ? { reg: this.pick(found) } : { imm: this.comparand() }
  }

  setNumber(reg: number, max: number = Number.POSITIVE_INFINITY): void {
    this.know.regs[reg] = max === Number.POSITIVE_INFINITY ? NUMBER : { is: 'number', max }
  }

  // --- control -------------------------------------------------------------------------------------------------------

  /** Writes code on a way of its own: what is known afterwards is given back, and what was known before is put back. */
  aside(write: () => void): Knowledge {
    const before = this.know.copy()
    this.nesting++
    write()
    this.nesting--
    const after = this.know
    this.know = before
    return after
  }

  /** The function gives up if the jump at `slot` is taken. */
  bail(slot: number): void {
    this.bailouts.push(slot)
  }

  /** Forgets stack slots that calls may have written to. */
  forgetSlots(first: number, count: number, kind: Kind | undefined = NUMBER): void {
    for (let i = first; i < first + count; i++) this.know.stack[i] = kind
  }

  /** A call's arguments, r1 to r5, are about to be set: what lies there is to be kept elsewhere or lost. */
  clearArguments(count: number): void {
    for (let i = 1; i <= count; i++) this.know.regs[i] = NOTHING
  }
}
