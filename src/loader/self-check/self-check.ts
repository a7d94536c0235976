/**
 * The soundness self-check: a mode of the interpreter that asserts, before every instruction, that the machine is in a
 * state which the verifier knew could be. A verifier that is wrong about a program shows here, long before the program
 * does harm.
 *
 * It is a trace hook. It follows calls, callbacks and tail calls along with the machine, so that it knows which chain of
 * calls the verifier would say the program is in.
 * @module
 */
import type { ContextLayout } from '../../spec/index.ts'
import { AnybpfError } from '../../util/index.ts'
import type { RecordedFunction, RecordedPlace, VerifiedFacts } from '../../verifier/facts/recorded-states.ts'
import { formatLinuxInsn } from '../../verifier/report/linux-insn.ts'
import type { ExecutableProgram, TraceHook, VirtualCpu } from '../../vm/index.ts'
import { Containment, FRAME_WORDS } from './containment.ts'
import type { GuestObjects } from './guest-objects.ts'

/** The verifier was wrong: what the machine holds is not what it said, or the program does what it may not. */
export class SoundnessViolation extends AnybpfError {
  override readonly name = 'SoundnessViolation'
  constructor(message: string, details: Readonly<Record<string, unknown>>) {
    super('ERR_INTERNAL', message, { details })
  }
}

/** A program whose runs are checked, with one or more verifications of it. */
interface Subject {
  readonly facts: readonly VerifiedFacts[]
  readonly layout: ContextLayout | undefined
  /** A run takes no more steps than the verifier did: every one of them is one that it followed. */
  readonly maxSteps: number
}

const MAX_DEPTH = 64
const TAIL_CALL = 12
/** States whose difference is told. */
const EXPLAINED_STATES = 3

export interface SelfCheckOptions {
  readonly cpu: VirtualCpu
  readonly objects: GuestObjects
  /** Called when a function is entered, with the bounds of its frame: to put something into it. */
  readonly onFrame?: (start: number, end: number) => void
  /** Called when a run begins, with its context. */
  readonly onBegin?: (context: number, layout: ContextLayout | undefined) => void
}

export class SelfCheck {
  private readonly cpu: VirtualCpu
  private readonly objects: GuestObjects
  private readonly containment: Containment
  private readonly onFrame: SelfCheckOptions['onFrame']
  private readonly onBegin: SelfCheckOptions['onBegin']
  private readonly subjects = new Map<ExecutableProgram, Subject>()
  private readonly saved = new Int32Array(MAX_DEPTH * FRAME_WORDS)
  // By depth: the instruction that is being executed there, whether it leaves the frame, whose frame it is.
  private readonly slots = new Int32Array(MAX_DEPTH)
  private readonly left = new Uint8Array(MAX_DEPTH)
  private readonly owners: (ExecutableProgram | undefined)[] = []
  /** Depth of the outermost function of the chain that the verifier followed as one. */
  private readonly roots = new Int32Array(MAX_DEPTH)
  /** By depth, then by verification. */
  private readonly functions: (RecordedFunction | undefined)[][] = Array.from({ length: MAX_DEPTH }, () => [])
  private depth = 0
  /** Instructions of the run so far, and of all runs. */
  private steps = 0
  checked = 0

  constructor(options: SelfCheckOptions) {
    this.cpu = options.cpu
    this.objects = options.objects
    this.onFrame = options.onFrame
    this.onBegin = options.onBegin
    this.containment = new Containment(options.cpu, options.objects, { saved: this.saved })
  }

  /** From now on runs of this program are held against these verifications of it. */
  watch(program: ExecutableProgram, facts: readonly VerifiedFacts[]): void {
    const layout = facts[0]?.env.programType.context
    this.subjects.set(program, { facts, layout, maxSteps: maxStepsOf(facts) })
  }

  forget(program: ExecutableProgram): void {
    this.subjects.delete(program)
  }

  /** A run begins. */
  begin(): void {
    this.depth = 0
    this.steps = 0
  }

  readonly trace: TraceHook = (_cpu, program, slot, depth) => {
    const subject = this.subjects.get(program)
    if (subject === undefined) return
    const insn = subject.facts[0]!.program.insns[slot]
    if (insn === undefined) {
      // A packet load that found nothing leaves by an exit behind the program.
      this.depth = depth
      this.left[depth] = 1
      return
    }
    this.follow(program, subject, slot, depth)
    if (++this.steps > subject.maxSteps) {
      this.fail(subject.facts[0]!, slot, `runs for more than the ${subject.maxSteps} instructions that were followed`)
    }
    this.checked++
    const { facts } = subject
    for (let i = 0; i < facts.length; i++) this.check(facts[i]!, this.functions[depth]![i], slot, this.roots[depth]!)
    this.slots[depth] = slot
    this.left[depth] = insn.kind === 'exit' ? 1 : 0
    if (insn.kind === 'call') this.saveRegisters(depth)
  }

  /** Finds out how the machine came to this instruction: by a step, a call, a callback, a tail call, a return. */
  private follow(program: ExecutableProgram, subject: Subject, slot: number, depth: number): void {
    const entered = depth > this.depth || (depth === this.depth && this.left[depth] === 1)
    this.depth = depth
    if (depth === 1 && entered) {
      const context = this.cpu.registers[2]! >>> 0
      this.objects.begin(context, subject.layout)
      this.onBegin?.(context, subject.layout)
      this.enterRoot(program, subject, 0, depth)
      return
    }
    if (entered) {
      this.enter(program, subject, slot, depth)
      return
    }
    if (this.owners[depth] !== program || (slot === 0 && this.isTailCall(subject, this.slots[depth]!))) {
      this.enterRoot(program, subject, 0, depth)
    }
  }

  private isTailCall({ facts }: Subject, slot: number): boolean {
    const insn = facts[0]!.program.insns[slot]
    return insn?.kind === 'call' && insn.target === 'helper' && insn.imm === TAIL_CALL
  }

  private enter(program: ExecutableProgram, subject: Subject, slot: number, depth: number): void {
    const callsite = this.slots[depth - 1]!
    const { env } = subject.facts[0]!
    const subprogno = env.subprogramOf[slot]!
    const call = env.insns[callsite]!
    if (call.kind === 'call' && call.target === 'local' && env.subprograms[subprogno]!.linkage !== 'static') {
      this.enterRoot(program, subject, subprogno, depth)
      return
    }
    this.owners[depth] = program
    this.roots[depth] = this.roots[depth - 1]!
    const callers = this.functions[depth - 1]!
    const functions = this.functions[depth]!
    for (let i = 0; i < subject.facts.length; i++) functions[i] = callers[i]?.callee(callsite, subprogno)
    this.fillFrame(depth)
  }

  /** A function that was verified on its own: the entry, a global function. */
  private enterRoot(program: ExecutableProgram, subject: Subject, subprogno: number, depth: number): void {
    this.owners[depth] = program
    this.roots[depth] = depth
    this.steps = 0
    const functions = this.functions[depth]!
    for (let i = 0; i < subject.facts.length; i++) functions[i] = subject.facts[i]!.states.root(subprogno)
    const { env } = subject.facts[0]!
    if (subprogno !== 0) this.addArguments(env.subprograms[subprogno]!.args ?? [])
    else if (env.programType.rules?.plainMemory === true) {
      this.objects.addMemory(this.objects.context, env.programType.rules.contextSize)
    }
    this.fillFrame(depth)
  }

  /** What a global function was promised: memory of a size. */
  private addArguments(args: readonly { readonly kind: string; readonly size: number }[]): void {
    args.forEach(({ kind, size }, i) => {
      const low = this.cpu.registers[2 * i + 2]! >>> 0
      if (low !== 0 && (kind === 'mem' || kind === 'mem_or_null')) this.objects.addMemory(low, size)
    })
  }

  private fillFrame(depth: number): void {
    const end = this.cpu.frameTop(depth)
    this.onFrame?.(end - this.cpu.frameSize, end)
  }

  private saveRegisters(depth: number): void {
    const base = depth * FRAME_WORDS
    const { registers } = this.cpu
    for (let i = 0; i < FRAME_WORDS; i++) this.saved[base + i] = registers[i]!
  }

  private check(facts: VerifiedFacts, reached: RecordedFunction | undefined, slot: number, rootDepth: number): void {
    const place = reached?.at(slot)
    if (place === undefined) {
      if (!facts.states.truncated) this.fail(facts, slot, 'the verifier never came here')
      return
    }
    const { states } = place
    const { length } = states
    // A loop comes through the states in the order in which they were seen.
    for (let i = 0, at = place.recent; i < length; i++, at = at + 1 === length ? 0 : at + 1) {
      if (!this.containment.holds(facts, states[at]!, slot, rootDepth)) continue
      place.recent = at
      return
    }
    if (!facts.states.truncated) this.fail(facts, slot, this.differences(facts, place, slot, rootDepth))
  }

  private differences(facts: VerifiedFacts, { states }: RecordedPlace, slot: number, rootDepth: number): string {
    const told = states.slice(0, EXPLAINED_STATES).map((state) => {
      this.containment.explain(facts, state, slot, rootDepth)
      return this.containment.failure
    })
    const more = states.length > told.length ? ` (and ${states.length - told.length} more states)` : ''
    return `outside of all states: ${told.join('; ')}${more}`
  }

  private fail(facts: VerifiedFacts, slot: number, what: string): never {
    const { program, strict } = facts
    const text = formatLinuxInsn(program.insns[slot]!)
    const pass = strict ? 'strict' : 'plain'
    throw new SoundnessViolation(`${program.name}: insn ${slot}, ${text}: ${what} [${pass}]`, { slot, pass })
  }
}

/** No bound where something repeats that the verifier does not follow round by round. */
function maxStepsOf(facts: readonly VerifiedFacts[]): number {
  let most = Number.POSITIVE_INFINITY
  for (const { program, env } of facts) {
    const repeats = program.insns.some(
      (insn) =>
        insn.kind === 'may_goto' ||
        (insn.kind === 'lddw' && insn.source === 'code_addr') ||
        (insn.kind === 'call' && (insn.target === 'kfunc' || (insn.target === 'helper' && insn.imm === TAIL_CALL))),
    )
    if (repeats || env.subprograms.some(({ index, linkage }) => index > 0 && linkage !== 'static'))
      return Number.POSITIVE_INFINITY
    most = Math.min(most, env.statistics.insnsProcessed)
  }
  return most
}
