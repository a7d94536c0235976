/**
 * Random programs that loop, call, spill and branch on unknown values: what checkpoints, precision and stack liveness
 * have to do with. A seed gives the same program everywhere.
 */
import { SeededRandom } from '../../../src/util/random.ts'
import type { VerifyCase } from '../../support/verifier-cases.ts'

export interface LoopyOptions {
  /** Also functions that `bpf_loop` calls back. */
  readonly callbacks: boolean
}

const JUMPS = ['==', '!=', '>', '>=', '<', '<=', 's>', 's>=', 's<', 's<=', '&']
const OPERATORS = ['+=', '-=', '&=', '|=', '^=', '*=', '=', '+=', '-=']
const SHIFTS = ['<<=', '>>=', 's>>=']
const MAX_FUNCTIONS = 6
const MAX_DEPTH = 3
/** r6 to r9 live through calls. */
const FIRST_REGISTER = 6

/** The program of a seed. */
export function loopyProgram(seed: number, options: LoopyOptions): VerifyCase {
  const generator = new Generator(seed, options)
  const program = generator.run()
  const functions = generator.hasCallbacks ? Array(generator.functionCount).fill('step') : undefined
  return { verdict: 'accept', program, ...(functions !== undefined && { functions }) }
}

class Generator {
  hasCallbacks = false
  private readonly random: SeededRandom
  private readonly options: LoopyOptions
  private readonly functions: string[][] = []
  private labels = 0

  constructor(seed: number, options: LoopyOptions) {
    this.random = new SeededRandom(seed)
    this.options = options
  }

  /** Without the entry. */
  get functionCount(): number {
    return this.functions.length
  }

  run(): string {
    const lines: string[] = []
    this.body(lines, 0, this.random.between(6, 16), 'r1')
    return [...lines, ...this.functions.flat()].join('\n')
  }

  /** Registers with known values, statements, a small return value. */
  private body(lines: string[], depth: number, statements: number, argument: string): void {
    if (depth > 0) lines.push(`r6 = ${argument}`)
    for (let r = depth > 0 ? 7 : 6; r <= 9; r++) lines.push(`r${r} = ${this.random.below(20)}`)
    this.statements(lines, depth, 0, statements)
    lines.push(`r0 = ${this.register()}`, `r0 &= ${this.pick([1, 1, 3])}`)
    if (this.random.below(3) === 0) lines.push('r0 = 0')
    lines.push('exit')
  }

  private statements(lines: string[], depth: number, loops: number, count: number): void {
    for (let i = 0; i < count; i++) this.statement(lines, depth, loops)
  }

  private statement(lines: string[], depth: number, loops: number): void {
    const kinds = [
      () => this.unknown(lines),
      () => this.unknown(lines),
      () => this.arithmetic(lines),
      () => this.arithmetic(lines),
      () => this.branch(lines, depth, loops),
      () => this.branch(lines, depth, loops),
      () => this.branch(lines, depth, loops),
      () => this.loop(lines, depth, loops),
      () => this.spill(lines),
      () => this.fill(lines),
      () => this.variableOffset(lines),
      () => this.sizedCall(lines),
      () => this.mayGoto(lines, depth, loops),
      () => this.call(lines, depth),
      () => this.callback(lines, depth),
    ]
    this.pick(kinds)()
  }

  private unknown(lines: string[]): void {
    const register = this.register()
    lines.push('call get_prandom_u32', `${register} = r0`)
    if (this.random.below(2) === 0) lines.push(`${register} &= ${this.pick([1, 3, 7, 15, 255, 65535])}`)
  }

  private arithmetic(lines: string[]): void {
    const letter = this.pick(['r', 'r', 'w'])
    const dst = this.register().replace('r', letter)
    if (this.random.below(3) === 0) {
      lines.push(`${dst} ${this.pick(SHIFTS)} ${this.random.below(letter === 'r' ? 63 : 31)}`)
    } else if (this.random.below(2) === 0) {
      lines.push(`${dst} ${this.pick(OPERATORS)} ${this.random.between(-5, 24)}`)
    } else {
      lines.push(`${dst} ${this.pick(OPERATORS)} ${this.register().replace('r', letter)}`)
    }
  }

  private branch(lines: string[], depth: number, loops: number): void {
    const [otherwise, end] = [this.label(), this.label()]
    lines.push(`if ${this.condition()} goto ${otherwise}`)
    this.statements(lines, depth, loops, this.random.below(3))
    if (this.random.below(2) === 0) {
      lines.push(`goto ${end}`, `${otherwise}:`)
      this.statements(lines, depth, loops, this.random.below(3))
      lines.push(`${end}:`)
    } else {
      lines.push(`${otherwise}:`)
    }
  }

  private condition(): string {
    const letter = this.pick(['r', 'r', 'w'])
    const left = FIRST_REGISTER + this.random.below(4)
    const right = FIRST_REGISTER + ((left - FIRST_REGISTER + 1 + this.random.below(3)) % 4)
    const operand = this.random.below(4) === 0 ? `${letter}${right}` : String(this.random.between(-2, 21))
    return `${letter}${left} ${this.pick(JUMPS)} ${operand}`
  }

  /** Counted, in a register or in a stack slot. */
  private loop(lines: string[], depth: number, loops: number): void {
    if (loops >= 2) return
    const [counter, start] = [this.register(), this.label()]
    const slot = this.random.below(3) === 0 ? `r10 - ${8 * this.random.between(5, 7)}` : undefined
    lines.push(`${counter} = 0`)
    if (slot !== undefined) lines.push(`*(u64 *)(${slot}) = ${counter}`)
    lines.push(`${start}:`)
    this.statements(lines, depth, loops + 1, this.random.between(1, 3))
    if (slot !== undefined) lines.push(`${counter} = *(u64 *)(${slot})`)
    lines.push(`${counter} += 1`)
    if (slot !== undefined) lines.push(`*(u64 *)(${slot}) = ${counter}`)
    lines.push(`if ${counter} ${this.pick(['<', '<', '!='])} ${this.pick([2, 3, 5, 8, 12, 30])} goto ${start}`)
  }

  private mayGoto(lines: string[], depth: number, loops: number): void {
    if (loops >= 1) return
    const [start, end] = [this.label(), this.label()]
    lines.push(`${start}:`, `may_goto ${end}`)
    this.statements(lines, depth, loops + 1, this.random.between(1, 3))
    lines.push(`goto ${start}`, `${end}:`)
  }

  private spill(lines: string[]): void {
    const slot = this.slot()
    if (this.random.below(4) === 0) lines.push(`*(u64 *)(r10 - ${slot}) = ${this.random.below(4)}`)
    else lines.push(`*(u${this.pick([64, 64, 32, 8])} *)(r10 - ${slot}) = ${this.register()}`)
  }

  private fill(lines: string[]): void {
    lines.push(`${this.register()} = *(u${this.pick([64, 64, 32, 8])} *)(r10 - ${this.slot()})`)
  }

  /** Somewhere in the stack: the offset has to be known precisely. */
  private variableOffset(lines: string[]): void {
    const register = this.register()
    lines.push(`${register} &= ${this.pick([7, 8, 16, 24])}`, 'r1 = r10', 'r1 += -64', `r1 += ${register}`)
    if (this.random.below(2) === 0) lines.push(`*(u8 *)(r1 + 0) = ${register}`)
    else lines.push(`${this.register()} = *(u8 *)(r1 + 0)`)
  }

  /** A helper whose size argument has to be known precisely. */
  private sizedCall(lines: string[]): void {
    const register = this.register()
    lines.push(`${register} &= ${this.pick([3, 7])}`, `${register} <<= 2`, 'r1 = r10', 'r1 += -32', `r2 = ${register}`)
    lines.push('r3 = 0', 'r4 = 0', 'r5 = 0', 'call csum_diff', `${this.register()} = r0`)
  }

  /** A function that gets a number, or the address of a slot of its caller, which it reads and writes. */
  private call(lines: string[], depth: number): void {
    if (depth >= MAX_DEPTH || this.functions.length >= MAX_FUNCTIONS) return
    const callee: string[] = []
    const name = `f${this.functions.length}`
    this.functions.push(callee)
    callee.push(`${name}:`)
    if (this.random.below(2) === 0) {
      lines.push(`r1 = ${this.register()}`)
      this.body(callee, depth + 1, this.random.between(1, 5), 'r1')
    } else {
      lines.push('r1 = r10', `r1 += -${this.slot()}`)
      callee.push('r6 = r1')
      for (let r = 7; r <= 9; r++) callee.push(`r${r} = ${this.random.below(9)}`)
      for (let i = 0; i < 3; i++) this.throughPointer(callee)
      callee.push('r6 = 1')
      this.statements(callee, depth + 1, 0, this.random.below(4))
      callee.push(`r0 = r${this.random.between(7, 9)}`, 'exit')
    }
    lines.push(`call ${name}`, `${this.register()} = r0`)
  }

  private throughPointer(lines: string[]): void {
    const register = `r${this.random.between(7, 9)}`
    const size = this.pick([64, 8])
    lines.push(
      this.random.below(2) === 0 ? `*(u${size} *)(r6 + 0) = ${register}` : `${register} = *(u${size} *)(r6 + 0)`,
    )
    const end = this.label()
    lines.push('call get_prandom_u32', 'r7 = r0', `if r7 == ${this.random.below(5)} goto ${end}`, 'r8 += 1', `${end}:`)
  }

  private callback(lines: string[], depth: number): void {
    if (!this.options.callbacks || depth >= 2 || this.functions.length >= MAX_FUNCTIONS) return
    this.hasCallbacks = true
    const callee: string[] = []
    const name = `f${this.functions.length}`
    this.functions.push(callee)
    lines.push(`r1 = ${this.pick([1, 3, 10, 100])}`, `r2 = code_addr(${name})`, 'r3 = r10', `r3 += -${this.slot()}`)
    lines.push('r4 = 0', 'call loop', `${this.register()} = r0`)
    callee.push(`${name}:`, 'r6 = r2', 'r7 = r1')
    for (let r = 8; r <= 9; r++) callee.push(`r${r} = ${this.random.below(9)}`)
    for (let i = this.random.below(3); i > 0; i--) this.throughPointer(callee)
    callee.push('r6 = 1')
    this.statements(callee, depth + 1, 0, this.random.below(3))
    callee.push(`r0 = ${this.register()}`, 'r0 &= 1', 'exit')
  }

  private register(): string {
    return `r${FIRST_REGISTER + this.random.below(4)}`
  }

  /** Distance of a slot from the frame pointer. */
  private slot(): number {
    return 8 * this.random.between(1, 4)
  }

  private label(): string {
    return `l${this.labels++}`
  }

  private pick<T>(all: readonly T[]): T {
    return all[this.random.below(all.length)]!
  }
}
