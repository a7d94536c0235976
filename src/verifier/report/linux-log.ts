/**
 * The log of the Linux verifier, line for line, so that tools which read it read ours.
 *
 * Level 1 holds the path that fails and nothing else: when a branch is taken up, what was logged since it was put aside
 * is dropped. Level 2 keeps everything. Level 4 adds the statistics. At most 16 MiB are kept, the end of the log.
 * @see https://docs.kernel.org/bpf/verifier.html#understanding-ebpf-verifier-messages
 * @module
 */
import type { Instruction } from '../../isa/index.ts'
import type { Environment, PendingBranch, SubprogramInfo, VerifierLog } from '../environment.ts'
import type { VerifierLine } from '../program.ts'
import type { Frame, StackSlot } from '../state.ts'
import { PTR_TO_STACK } from '../types.ts'
import { formatLinuxInsn } from './linux-insn.ts'
import { frameText, type Printed } from './linux-state.ts'

const MAX_CHARACTERS = 16 * 2 ** 20
/** State goes behind an instruction at this column, or at the next multiple of {@link ALIGN_STEP} that leaves room. */
const ALIGN_COLUMN = 40
const ALIGN_STEP = 8

const LEVEL_PATH = 1
const LEVEL_ALL = 2

/** The line of an instruction: where it stands, and whether the state after it was written behind it. */
interface InsnLine {
  /** Number of the line since the beginning, dropped ones included. */
  readonly line: number
  readonly text: string
  extended: boolean
}

/** What is remembered of an instruction until the next one begins, when its effect is seen. */
interface Processed {
  readonly slot: number
  readonly insn: Instruction
  readonly depth: number
  /** The stack before it, to see which slots it wrote; undefined if it cannot have. */
  readonly stack: readonly StackSlot[] | undefined
  /** Slots that it accesses itself. */
  readonly slots: readonly number[]
  /** Of an exit from a function: its frame, as printed. */
  readonly leaving: string | undefined
}

const NO_SLOTS: readonly number[] = []
const NOTHING: Printed = { registers: 0, slots: new Set() }

export class LinuxLog implements VerifierLog {
  readonly level: number
  private lines: string[] = []
  private dropped = 0
  private characters = 0
  /** The last line does not end yet. */
  private open = false
  private current: InsnLine | undefined
  /** By position in `env.pending`: the line of the jump that put the branch aside. */
  private readonly branchLines: (InsnLine | undefined)[] = []
  private processed: Processed | undefined
  /** What the next state shows; undefined: everything. */
  private touched: Printed | undefined
  private arrived = false
  private previousLine: VerifierLine | undefined
  /** The subprogram that is verified at the root. */
  private root = 0
  private begun = false

  constructor(level: number) {
    this.level = level
  }

  private get verbose(): boolean {
    return (this.level & (LEVEL_PATH | LEVEL_ALL)) !== 0
  }

  beforeInsn(env: Environment): void {
    if (!this.verbose) return
    if (this.root !== env.rootSubprogram) this.beginFunction(env)
    if (!this.begun) this.begin(env)
    this.settle(env)
    if ((this.level & LEVEL_ALL) !== 0 && this.arrived) {
      this.line('')
      this.line(`${this.arrival(env)}:${frameText(env.cur, env.cur.frame, undefined)}`)
      this.arrived = false
    }
    this.stateLine(env)
    const insn = env.insns[env.insn]!
    this.sourceLine(env)
    this.insnLine(env, insn)
    this.processed = beginInsn(env, insn)
  }

  onPop(env: Environment, _branch: PendingBranch): void {
    if (!this.verbose) return
    const jump = this.branchLines[env.pending.length]
    this.branchLines.length = Math.min(this.branchLines.length, env.pending.length)
    if ((this.level & LEVEL_ALL) === 0) this.resetTo(jump)
    this.processed = undefined
    this.touched = undefined
    this.arrived = true
  }

  onPruned(env: Environment): void {
    if (!this.verbose) return
    this.settle(env)
    if (this.arrived) {
      this.line('')
      this.line(`${this.arrival(env)}: safe`)
    } else this.line(`${env.insn}: safe`)
  }

  onPathEnd(env: Environment): void {
    this.processed = undefined
    if (this.verbose && env.pending.length === 0) this.endFunction()
  }

  onFunctionSafe(_env: Environment, subprogram: SubprogramInfo): void {
    if (!this.verbose) return
    this.line(`Func#${subprogram.index} ('${subprogram.name}') is safe for any args that match its prototype`)
  }

  /** Any other line of the log. */
  line(text: string): void {
    if (!this.verbose) return
    this.write(text)
    this.open = false
  }

  /** The whole log so far. */
  text(): string {
    return this.lines.length === 0 ? '' : `${this.lines.join('\n')}\n`
  }

  /** No branch is left. Linux drops, at level 1, what it logged of a function that it accepts. */
  private endFunction(): void {
    if ((this.level & LEVEL_ALL) === 0) this.resetTo(undefined)
    this.processed = undefined
    this.current = undefined
    this.branchLines.length = 0
    this.touched = undefined
    this.arrived = false
  }

  /** At level 2: what the structural checks found. */
  private begin(env: Environment): void {
    this.begun = true
    if ((this.level & LEVEL_ALL) === 0) return
    for (const { index, start } of env.subprograms) this.line(`func#${index} @${start}`)
    this.line('Live regs before insn:')
    env.insns.forEach((insn, slot) => {
      if (insn.kind === 'wide_tail') return
      const loop = env.scc[slot]!
      const live = env.liveRegisters[slot]!
      let registers = ''
      for (let i = 0; i < 10; i++) registers += (live & (1 << i)) === 0 ? '.' : i
      const number = `${loop === 0 ? '    ' : `${String(loop).padStart(3)} `}${String(slot).padStart(3)}`
      this.line(`${number}: ${registers} ${this.insnText(env, slot, insn)}`)
    })
  }

  private beginFunction(env: Environment): void {
    this.root = env.rootSubprogram
    const { name, index } = env.subprograms[this.root]!
    if (index > 0) this.line(`Validating ${name}() func#${index}...`)
  }

  private arrival(env: Environment): string {
    const speculative = env.cur.speculative ? ' (speculative execution)' : ''
    return `from ${env.previousInsn} to ${env.insn}${speculative}`
  }

  /** Says what the instruction before did, as far as that is said before the next one begins. */
  private settle(env: Environment): void {
    for (let i = this.branchLines.length; i < env.pending.length; i++) this.branchLines.push(this.current)
    const { processed } = this
    if (processed === undefined) return
    this.processed = undefined
    const { cur } = env
    if (cur.curframe < processed.depth && processed.leaving !== undefined) {
      this.line('returning from callee:')
      this.line(processed.leaving)
      this.line(`to caller at ${env.insn}:`)
      this.line(frameText(cur, cur.frame, undefined))
      this.arrived = true
      this.touched = NOTHING
      return
    }
    if (cur.curframe > processed.depth) {
      this.line('caller:')
      this.line(frameText(cur, cur.frames[cur.curframe - 1]!, undefined))
      this.line('callee:')
      this.line(frameText(cur, cur.frame, undefined))
      this.touched = undefined
      return
    }
    this.touched = { registers: touchedRegisters(processed.insn), slots: touchedSlots(processed, cur.frame) }
    if (processed.insn.kind === 'jump') this.stateLine(env, true)
  }

  /** The state behind the instruction's line, if nothing came between; else on a line of its own. */
  private stateLine(env: Environment, always = false): void {
    const { touched, current } = this
    this.touched = NOTHING
    if (!always && touched !== undefined && touched.registers === 0 && touched.slots.size === 0) return
    const state = frameText(env.cur, env.cur.frame, touched)
    if (current !== undefined && !current.extended && !this.open && this.end === current.line + 1) {
      current.extended = true
      this.replaceLast(`${current.text.padEnd(alignedLength(current.text.length + 1))};${state}`)
    } else this.line(`${env.insn}:${state}`)
  }

  private insnText({ program, platform }: Environment, slot: number, insn: Instruction): string {
    const reference = program.references?.get(slot)
    return formatLinuxInsn(insn, {
      helper: (id) => platform.helpers.get(id)?.name,
      ...(reference?.kind === 'kfunc' && { kfunc: reference.name }),
    })
  }

  private insnLine(env: Environment, insn: Instruction): void {
    // So the log reads after libbpf has put it into words.
    const unresolved = env.program.invalid?.get(env.insn)?.code === 'unresolved_relocation'
    const text = unresolved ? '<invalid CO-RE relocation>' : this.insnText(env, env.insn, insn)
    this.line(`${env.insn}: ${text}`)
    this.current = { line: this.end - 1, text: this.lines.at(-1)!, extended: false }
  }

  private sourceLine(env: Environment): void {
    const source = lineOf(env.program.lines, env.insn)
    const before = this.previousLine
    if (source === undefined || source === before) return
    if (before !== undefined && source.file === before.file && source.line === before.line) return
    this.line(`; ${source.text.trimStart()} @ ${source.file.slice(source.file.lastIndexOf('/') + 1)}:${source.line}`)
    this.previousLine = source
  }

  /** Number of lines so far, dropped ones included. */
  private get end(): number {
    return this.dropped + this.lines.length
  }

  private write(text: string): void {
    if (this.open) {
      this.replaceLast(`${this.lines.at(-1)}${text}`)
      return
    }
    this.lines.push(text)
    this.characters += text.length + 1
    if (this.characters > MAX_CHARACTERS) this.dropHead()
  }

  private replaceLast(text: string): void {
    const last = this.lines.length - 1
    this.characters += text.length - this.lines[last]!.length
    this.lines[last] = text
  }

  /** Half at a time, so that a long log costs no more than its length. */
  private dropHead(): void {
    let count = 0
    while (this.characters > MAX_CHARACTERS / 2 && count < this.lines.length - 1) {
      this.characters -= this.lines[count]!.length + 1
      count++
    }
    this.lines = this.lines.slice(count)
    this.dropped += count
  }

  /**
   * Back to where the jump stands. Linux cuts the log behind it; where the state had been written over the line's end,
   * what comes next goes on in the same line.
   */
  private resetTo(jump: InsnLine | undefined): void {
    const keep = jump === undefined ? 0 : Math.max(0, jump.line + 1 - this.dropped)
    while (this.lines.length > keep) this.characters -= this.lines.pop()!.length + 1
    this.open = false
    if (jump === undefined || keep === 0) return
    if (jump.extended) {
      this.replaceLast(`${jump.text} `)
      this.open = true
    }
    // The jump's line was extended once, and is not again.
    jump.extended = true
    this.current = jump
  }
}

/** Where the semicolon stands behind a line of this length, its line break included. */
function alignedLength(length: number): number {
  const room = Math.max(length + ALIGN_STEP / 2, ALIGN_COLUMN)
  return Math.ceil(room / ALIGN_STEP) * ALIGN_STEP - 2
}

/** The line information that covers a slot: the last one at or before it. */
export function lineOf(lines: readonly VerifierLine[] | undefined, slot: number): VerifierLine | undefined {
  if (lines === undefined || lines.length === 0 || lines[0]!.slot > slot) return undefined
  let low = 0
  let high = lines.length - 1
  while (low < high) {
    const middle = low + Math.ceil((high - low) / 2)
    if (lines[middle]!.slot <= slot) low = middle
    else high = middle - 1
  }
  return lines[low]
}

function beginInsn(env: Environment, insn: Instruction): Processed {
  const { cur } = env
  const { frame } = cur
  const base = insn.kind === 'load' || insn.kind === 'store' || insn.kind === 'atomic' ? insn.base : -1
  const writesStack = insn.kind === 'store' || insn.kind === 'atomic' || insn.kind === 'call'
  return {
    slot: env.insn,
    insn,
    depth: cur.curframe,
    stack: writesStack ? frame.stack.slice() : undefined,
    slots: base < 0 ? NO_SLOTS : accessedSlots(insn, frame),
    leaving: insn.kind === 'exit' && cur.curframe > 0 ? frameText(cur, frame, undefined) : undefined,
  }
}

/** Stack slots that a load or store with a constant offset touches. */
function accessedSlots(insn: Instruction, frame: Frame): readonly number[] {
  if (insn.kind !== 'load' && insn.kind !== 'store' && insn.kind !== 'atomic') return NO_SLOTS
  const base = frame.regs[insn.base]
  if (base === undefined || base.type !== PTR_TO_STACK || !base.scalar.isConstant) return NO_SLOTS
  const offset = base.off + base.scalar.constant + insn.off
  const slots: number[] = []
  for (let at = offset; at < offset + insn.size; at++) {
    const slot = Math.floor((-at - 1) / 8)
    if (slot >= 0 && slots.at(-1) !== slot) slots.push(slot)
  }
  return slots
}

function touchedSlots(processed: Processed, frame: Frame): ReadonlySet<number> {
  const slots = new Set(processed.slots)
  if (processed.stack !== undefined) {
    frame.stack.forEach((slot, index) => {
      if (slot !== processed.stack![index]) slots.add(index)
    })
  }
  return slots
}

const CALL_REGISTERS = 0b111111

/** Registers that an instruction reads or writes: what Linux shows after it. */
function touchedRegisters(insn: Instruction): number {
  const operand = (src: { readonly reg: number } | { readonly imm: number }): number =>
    'reg' in src ? 1 << src.reg : 0
  switch (insn.kind) {
    case 'alu':
    case 'jump':
      return (1 << insn.dst) | operand(insn.src)
    case 'neg':
    case 'endian':
    case 'lddw':
    case 'goto_indirect':
      return 1 << insn.dst
    case 'movsx':
    case 'addr_space_cast':
      return (1 << insn.dst) | (1 << insn.src)
    case 'load':
    case 'load_acquire':
      return (1 << insn.dst) | (1 << insn.base)
    case 'store':
      return (1 << insn.base) | operand(insn.src)
    case 'store_release':
      return (1 << insn.base) | (1 << insn.src)
    case 'atomic':
      return (1 << insn.base) | (1 << insn.src) | (insn.op === 'cmpxchg' ? 1 : 0)
    case 'load_packet':
      return CALL_REGISTERS | (1 << 6) | (insn.mode === 'ind' ? 1 << insn.src : 0)
    case 'call':
    case 'callx':
      return CALL_REGISTERS
    case 'exit':
      return 1
    default:
      return 0
  }
}

export interface LogStatistics {
  readonly insnsProcessed: number
  readonly insnLimit: number
  readonly totalStates: number
  readonly peakStates: number
  readonly maxStatesPerInsn: number
  /** Microseconds. */
  readonly time: number
  readonly subprograms: readonly Pick<SubprogramInfo, 'stackDepth'>[]
}

/** The last lines of a log. */
export function statisticsText(statistics: LogStatistics): string {
  const { insnsProcessed, insnLimit, totalStates, peakStates, maxStatesPerInsn, time, subprograms } = statistics
  const depths = subprograms.map(({ stackDepth }) => stackDepth).join('+')
  return (
    `verification time ${Math.round(time)} usec\n` +
    `stack depth ${depths}\n` +
    `processed ${insnsProcessed} insns (limit ${insnLimit}) max_states_per_insn ${maxStatesPerInsn} ` +
    `total_states ${totalStates} peak_states ${peakStates} mark_read 0\n`
  )
}
