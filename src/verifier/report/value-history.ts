/**
 * Where a value comes from: walks back along the recorded path from the instruction at fault, through moves, arithmetic,
 * the stack, calls and returns, to what made it; and says at each turn what was known of it.
 * @module
 */
import type { AluInsn, AluOp, Instruction } from '../../isa/index.ts'
import type { Environment } from '../environment.ts'
import type { Reg, StackSlot } from '../state.ts'
import {
  baseType,
  isPacketPointer,
  maybeNull,
  NOT_INIT,
  PTR_TO_CTX,
  PTR_TO_MAP_VALUE,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_STACK,
  SCALAR_VALUE,
} from '../types.ts'
import { formatLinuxInsn } from './linux-insn.ts'
import { lineOf } from './linux-log.ts'
import type { Step } from './recorder.ts'
import type { SourceLocation, ValueEvent } from './report.ts'
import { accessedMember, assignedName } from './source-names.ts'
import { helperName, isUnbounded, mapText, numberText, regWords, targetText } from './words.ts'

/** Events that are kept: the origin and the last ones. */
const MAX_EVENTS = 12
/** Comparisons of a path that are looked at for what they say of a value: the last ones. */
const MAX_COMPARISONS = 64

/** What made a value. */
export type Origin =
  | { readonly kind: 'helper'; readonly name: string; readonly insn: number }
  | { readonly kind: 'kfunc'; readonly name: string; readonly insn: number }
  /** A call leaves r1 to r5 without a value. */
  | { readonly kind: 'clobbered'; readonly name: string; readonly insn: number }
  | { readonly kind: 'load'; readonly from: Reg; readonly insn: number }
  | { readonly kind: 'constant'; readonly insn: number }
  | { readonly kind: 'address'; readonly insn: number }
  /** It was there when the function that is verified began. */
  | { readonly kind: 'entry'; readonly regno: number }
  /** A helper wrote the stack that it was read from. */
  | { readonly kind: 'filled_by_helper'; readonly name: string; readonly insn: number }
  /** A helper calls back with it. */
  | { readonly kind: 'callback'; readonly name: string; readonly insn: number }
  | { readonly kind: 'never' }
  | { readonly kind: 'unknown' }

export interface TracedValue {
  readonly origin: Origin
  readonly history: readonly ValueEvent[]
  /** Name in the source, where a line tells it. */
  readonly name: string | undefined
  /** What was added to it since it had that name (or since its origin, without one); undefined where more happened to it. */
  readonly added: number | undefined
  /** Of what was loaded: how the source calls that memory, `eth->h_proto`. */
  readonly member: string | undefined
  /** The step that made it; -1 if it was there from the beginning. */
  readonly originStep: number
  /** It is made of the lower 32 bits of what it was: by zeros, or by copies of the sign. */
  readonly extended: 'zero' | 'sign' | undefined
}

/** A step of the path, and a register of the function that was running there. */
export interface Place {
  readonly index: number
  readonly regno: number
}

export class ValueTracer {
  private readonly env: Environment
  private readonly steps: readonly Step[]

  constructor(env: Environment, steps: readonly Step[]) {
    this.env = env
    this.steps = steps
  }

  /** The history of what a register holds before step `index`. */
  trace({ index, regno }: Place): TracedValue {
    return new Walk(this.env, this.steps, index, regno).run()
  }

  /** The line of an earlier read of the memory that the last step at `insn` before `index` reads, if it was compared since. */
  earlierRead(index: number, insn: number): SourceLocation | undefined {
    let last = index
    while (last >= 0 && this.steps[last]!.insn !== insn) last--
    const place = last < 0 ? undefined : this.placeRead(last)
    if (place === undefined) return undefined
    for (let j = last - 1; j >= 0; j--) {
      if (this.placeRead(j) !== place) continue
      const load = this.env.insns[this.steps[j]!.insn]!
      const dst = load.kind === 'load' ? load.dst : -1
      if (this.isCompared(j + 1, last, dst)) return sourceAt(this.env, this.steps[j]!.insn)
    }
    return undefined
  }

  /** Names the memory that a load reads, the same for the same memory. */
  private placeRead(j: number): string | undefined {
    const step = this.steps[j]!
    const insn = this.env.insns[step.insn]!
    if (insn.kind !== 'load') return undefined
    const base = step.regs[insn.base]!
    if (base.type === PTR_TO_STACK || base.type === SCALAR_VALUE || !base.scalar.isConstant) return undefined
    return `${base.type} ${base.id} ${targetText(base)} ${base.off + base.scalar.constant + insn.off}`
  }

  private isCompared(from: number, to: number, regno: number): boolean {
    for (let j = from; j < to; j++) {
      const insn = this.env.insns[this.steps[j]!.insn]!
      if (insn.kind === 'jump' && (insn.dst === regno || ('reg' in insn.src && insn.src.reg === regno))) return true
      if (writes(insn, regno)) return false
    }
    return false
  }

  /**
   * A comparison, on this path, of the lower 32 bits of a value, or of a copy that was made of them, where the value
   * itself is not: what it tells holds for these alone.
   */
  comparedCopy(index: number, value: TracedValue): SourceLocation | undefined {
    if (value.originStep < 0 || value.extended !== undefined) return undefined
    const depth = this.steps[index]?.depth
    let looked = 0
    for (let j = index - 1; j > value.originStep && looked < MAX_COMPARISONS; j--) {
      const step = this.steps[j]!
      const insn = this.env.insns[step.insn]!
      if (insn.kind !== 'jump' || step.depth !== depth) continue
      looked++
      for (const regno of 'reg' in insn.src ? [insn.dst, insn.src.reg] : [insn.dst]) {
        const { originStep, extended } = this.trace({ index: j, regno })
        const half = extended !== undefined || (insn.width === 32 && hasUpperHalf(step.regs[regno]!))
        if (originStep === value.originStep && half) return sourceAt(this.env, step.insn)
      }
    }
    return undefined
  }

  /** The last comparison for equality of two pointers into the packet before step `index`. */
  comparedPointers(index: number): SourceLocation | undefined {
    for (let j = index - 1; j >= 0; j--) {
      const { insn: slot, regs } = this.steps[j]!
      const insn = this.env.insns[slot]!
      if (insn.kind !== 'jump' || !('reg' in insn.src) || (insn.op !== 'eq' && insn.op !== 'ne')) continue
      const both = [regs[insn.dst]!, regs[insn.src.reg]!]
      if (both.every(({ type }) => isPacketPointer(type) || type === PTR_TO_PACKET_END)) return sourceAt(this.env, slot)
    }
    return undefined
  }

  /** Of a pointer with a variable offset: the number that was added to it last. */
  variablePart({ index, regno }: Place): Place | undefined {
    let reg = regno
    const depth = this.steps[index]?.depth
    for (let j = index - 1; j >= 0; j--) {
      const step = this.steps[j]!
      if (step.depth !== depth) {
        if (step.depth < depth!) return undefined
        continue
      }
      const insn = this.env.insns[step.insn]!
      if (insn.kind !== 'alu' || insn.dst !== reg || !('reg' in insn.src)) {
        if (writes(insn, reg)) return undefined
        continue
      }
      const source = insn.src.reg
      if (insn.op === 'mov') {
        reg = source
        continue
      }
      const left = step.regs[reg]!
      const right = step.regs[source]!
      if (right.type === SCALAR_VALUE && left.type !== SCALAR_VALUE) {
        if (!right.scalar.isConstant) return { index: j, regno: source }
      } else if (left.type === SCALAR_VALUE && right.type !== SCALAR_VALUE) {
        if (!left.scalar.isConstant) return { index: j, regno: reg }
        reg = source
      } else return undefined
    }
    return undefined
  }
}

type Words = string | (() => string)

interface NotedEvent {
  readonly insn: number
  readonly kind: ValueEvent['kind']
  readonly what: Words
  readonly after: Reg | undefined
}

/** One walk back. */
class Walk {
  private readonly env: Environment
  private readonly steps: readonly Step[]
  private readonly start: number
  private readonly events: NotedEvent[] = []
  private depth: number
  private regno: number
  /** While the value lies on the stack: the frame, and the slot. */
  private slot: { readonly depth: number; readonly index: number } | undefined
  private origin: Origin | undefined
  private originStep = -1
  private member: string | undefined
  private name: string | undefined
  /** Added to the named value since; undefined if that is not all that happened to it. */
  private added: number | undefined = 0
  private extended: 'zero' | 'sign' | undefined
  /** A shift right by 32 that waits for the shift left before it: the two extend the lower half. */
  private shift: 'zero' | 'sign' | undefined

  constructor(env: Environment, steps: readonly Step[], index: number, regno: number) {
    this.env = env
    this.steps = steps
    this.start = index
    this.depth = steps[index]?.depth ?? 0
    this.regno = regno
  }

  run(): TracedValue {
    for (let j = this.start - 1; j >= 0 && this.origin === undefined; j--) {
      this.back(j)
      this.originStep = j
    }
    if (this.origin === undefined) this.originStep = -1
    const origin = this.origin ?? this.entryOrigin()
    const history = this.events.reverse().map((event) => this.tell(event))
    const { name, member, originStep, extended } = this
    const added = this.shift === undefined ? this.added : undefined
    return { origin, history, name, added, member, originStep, extended }
  }

  private back(j: number): void {
    const step = this.steps[j]!
    const insn = this.env.insns[step.insn]!
    if (this.slot !== undefined) this.backInStack(j, step, insn, this.slot)
    else if (step.depth > this.depth) {
      // A function that was called in between: what it returned is in r0.
      if (this.regno === 0 && insn.kind === 'exit' && this.steps[j + 1]?.depth === this.depth) this.depth = step.depth
    } else if (step.depth < this.depth) {
      // The call: arguments are the caller's registers, unless a helper calls back.
      if (insn.kind !== 'call' || insn.target !== 'local') {
        const name = this.calleeName(step.insn, insn)
        this.note(j, 'origin', `${name} gives it to the callback`, this.steps[j + 1]?.regs[this.regno])
        this.origin = { kind: 'callback', name, insn: step.insn }
      } else if (this.regno >= 1 && this.regno <= 5) this.depth = step.depth
      else this.origin = { kind: 'never' }
    } else this.backInFunction(j, step, insn)
  }

  private backInStack(j: number, step: Step, insn: Instruction, slot: { depth: number; index: number }): void {
    const after = this.steps[j + 1]
    const base = insn.kind === 'store' || insn.kind === 'atomic' ? step.regs[insn.base] : undefined
    if (base?.type === PTR_TO_STACK && base.aux === slot.depth && base.scalar.isConstant) {
      const off = base.off + base.scalar.constant + (insn as { off: number }).off
      if (Math.floor((-off - 1) / 8) !== slot.index) return
      if (insn.kind === 'store' && 'reg' in insn.src) {
        this.slot = undefined
        this.depth = step.depth
        this.regno = insn.src.reg
        this.note(j, 'spilled', `is kept on the stack at fp${off}`, step.regs[insn.src.reg]!)
        return
      }
      this.note(j, 'origin', `is written to the stack at fp${off}`, undefined)
      this.origin = { kind: 'constant', insn: step.insn }
      return
    }
    if (insn.kind !== 'call' || insn.target === 'local' || after === undefined) return
    if (step.depth !== slot.depth || after.depth !== slot.depth) return
    if (sameSlot(step.stack[slot.index], after.stack[slot.index])) return
    const name = this.calleeName(step.insn, insn)
    this.note(j, 'origin', `${name} writes it to the stack`, undefined)
    this.origin = { kind: 'filled_by_helper', name, insn: step.insn }
  }

  private backInFunction(j: number, step: Step, insn: Instruction): void {
    const { regno } = this
    const before = step.regs[regno]!
    const after = this.steps[j + 1]?.regs[regno] ?? before
    switch (insn.kind) {
      case 'alu':
        if (insn.dst === regno) this.backThroughAlu(j, step, insn, before, after)
        return
      case 'movsx':
        if (insn.dst !== regno) return
        this.note(j, 'changed', `is sign-extended from ${insn.bits} bits`, after)
        this.extended ??= 'sign'
        this.regno = insn.src
        return
      case 'neg':
      case 'endian':
        if (insn.dst === regno) {
          const what = insn.kind === 'neg' ? 'is negated' : `is put into another byte order (${insn.op}${insn.bits})`
          this.note(j, lost(before, after) ? 'lost' : 'changed', what, after)
          if (this.name === undefined) this.added = undefined
        }
        return
      case 'addr_space_cast':
        if (insn.dst === regno) this.end(j, { kind: 'unknown' }, 'is cast to another address space', after)
        return
      case 'load':
      case 'load_acquire':
        if (insn.dst === regno) this.backThroughLoad(j, step, insn, after)
        return
      case 'atomic':
        if ((insn.op === 'cmpxchg' ? 0 : insn.fetch ? insn.src : -1) === regno) {
          this.end(j, { kind: 'load', from: step.regs[insn.base]!, insn: step.insn }, 'is fetched from memory', after)
        }
        return
      case 'lddw':
        if (insn.dst !== regno) return
        this.end(
          j,
          { kind: insn.source === 'imm64' ? 'constant' : 'address', insn: step.insn },
          this.addressText(step.insn),
          after,
        )
        return
      case 'call':
      case 'callx':
        if (regno <= 5) this.backThroughCall(j, step, insn, after)
        else if (before.type !== after.type) this.voided(j, step, insn, before, after)
        return
      case 'load_packet':
        if (regno === 0) this.end(j, { kind: 'load', from: before, insn: step.insn }, 'is read from the packet', after)
        else if (regno <= 5) this.clobbered(j, 'a load from the packet')
        return
      case 'jump':
        this.backThroughJump(j, step, before, after)
        return
      default:
    }
  }

  private backThroughAlu(j: number, step: Step, insn: AluInsn, before: Reg, after: Reg): void {
    if (insn.op === 'mov') {
      if (!('reg' in insn.src)) {
        this.end(j, { kind: 'constant', insn: step.insn }, `is set to ${numberText(insn.src.imm)}`, after)
        return
      }
      const source = step.regs[insn.src.reg]!
      if (insn.width === 32 && after.scalar !== source.scalar) {
        this.note(j, 'changed', 'is cut to 32 bits', after)
        this.extended ??= 'zero'
      }
      this.regno = insn.src.reg
      return
    }
    const other = 'reg' in insn.src ? step.regs[insn.src.reg]! : undefined
    // A number to which a pointer is added: the pointer is what became of it.
    const follows = before.type === SCALAR_VALUE && other !== undefined && other.type !== SCALAR_VALUE
    const operand = (): string =>
      'reg' in insn.src ? regWords(follows ? before : other!).replace(/^the number /, '') : numberText(insn.src.imm)
    const what = (): string => `${ALU_WORDS[insn.op] ?? insn.op} ${operand()}${insn.width === 32 ? ', in 32 bits' : ''}`
    this.note(j, lost(follows ? other : before, after) ? 'lost' : 'changed', what, after)
    this.nameFrom(j)
    if (follows && 'reg' in insn.src) this.regno = insn.src.reg
    this.followChange(insn)
  }

  /** What arithmetic does to the named value, and whether it is an extension of the lower half. */
  private followChange({ op, width, src }: AluInsn): void {
    const imm = 'imm' in src ? src.imm : undefined
    if (imm === 32 && width === 64 && (op === 'rsh' || op === 'arsh') && this.shift === undefined) {
      this.shift = op === 'rsh' ? 'zero' : 'sign'
      return
    }
    if (imm === 32 && width === 64 && op === 'lsh' && this.shift !== undefined) {
      this.extended ??= this.shift
      this.shift = undefined
      return
    }
    if (this.name !== undefined || this.added === undefined) return
    if (imm !== undefined && (op === 'add' || op === 'sub')) this.added += op === 'add' ? imm : -imm
    else this.added = undefined
  }

  private backThroughLoad(
    j: number,
    step: Step,
    insn: Instruction & { base: number; off: number; size: number },
    after: Reg,
  ): void {
    const base = step.regs[insn.base]!
    if (base.type === PTR_TO_STACK && base.scalar.isConstant) {
      const off = base.off + base.scalar.constant + insn.off
      this.slot = { depth: base.aux, index: Math.floor((-off - 1) / 8) }
      this.note(j, 'filled', `is read back from the stack at fp${off}`, after)
      return
    }
    this.end(j, { kind: 'load', from: base, insn: step.insn }, this.loadText(base, insn.off, insn.size), after)
    const source = sourceAt(this.env, step.insn)
    this.member = source === undefined ? undefined : accessedMember(source.text, source.column)
  }

  private backThroughCall(j: number, step: Step, insn: Instruction, after: Reg): void {
    const name = this.calleeName(step.insn, insn)
    if (this.regno > 0) {
      this.clobbered(j, name)
      return
    }
    const kind = insn.kind === 'call' && insn.target === 'helper' ? 'helper' : 'kfunc'
    this.end(j, { kind, name, insn: step.insn }, `${name} returns it`, after)
  }

  private clobbered(j: number, name: string): void {
    const { insn } = this.steps[j]!
    this.note(j, 'lost', `${name} leaves r1 to r5 without a value`, undefined)
    this.origin = { kind: 'clobbered', name, insn }
  }

  /** A pointer that the call took back, or that points to where something else may be now. */
  private voided(j: number, step: Step, insn: Instruction, before: Reg, after: Reg): void {
    const name = this.calleeName(step.insn, insn)
    const what = isPacketPointer(before.type)
      ? `is void: ${name} may move the packet or change its size`
      : `is void: ${name} takes back what it points to`
    this.note(j, 'lost', what, after)
  }

  private backThroughJump(j: number, step: Step, before: Reg, after: Reg): void {
    const next = this.steps[j + 1]
    if (next === undefined || next.depth !== step.depth || before === after || !learnt(before, after)) return
    const isNull = maybeNull(before.type) && after.type === SCALAR_VALUE
    this.note(j, 'checked', isNull ? 'is compared, and is NULL here' : 'is compared', after)
  }

  private end(j: number, origin: Origin, what: string, after: Reg): void {
    this.origin = origin
    this.note(j, 'origin', what, after)
    this.nameFrom(j)
  }

  private entryOrigin(): Origin {
    // The first steps of a very long path are not kept.
    if (this.steps[0] !== undefined && this.steps[0].depth < this.depth) return { kind: 'unknown' }
    const entry = this.steps[0]?.regs[this.regno]
    if (this.slot !== undefined) return { kind: 'never' }
    if (entry === undefined || entry.type === NOT_INIT) return { kind: 'never' }
    return { kind: 'entry', regno: this.regno }
  }

  /** Told in words once the walk is over: a long path has many events, and few are kept. */
  private note(j: number, kind: ValueEvent['kind'], what: Words, after: Reg | undefined): void {
    if (kind === 'changed') this.nameFrom(j)
    const event = { insn: this.steps[j]!.insn, kind, what, after }
    // The last events of the path come first; of the others, the origin is the one that stays.
    if (this.events.length < MAX_EVENTS) this.events.push(event)
    else this.events[MAX_EVENTS - 1] = event
  }

  private tell({ insn, kind, what, after }: NotedEvent): ValueEvent {
    const source = sourceAt(this.env, insn)
    return {
      insn,
      text: insnText(this.env, insn),
      kind,
      what: typeof what === 'string' ? what : what(),
      known: after === undefined ? '' : regWords(after),
      ...(source !== undefined && { source }),
    }
  }

  /** The variable that the line of a step gives a value, if there is no name yet. */
  private nameFrom(j: number): void {
    if (this.name !== undefined) return
    const source = sourceAt(this.env, this.steps[j]!.insn)
    if (source !== undefined) this.name = assignedName(source.text, source.column)
  }

  private calleeName(slot: number, insn: Instruction): string {
    const reference = this.env.program.references?.get(slot)
    if (reference?.kind === 'kfunc') return reference.name
    if (insn.kind !== 'call') return 'a call'
    if (insn.target === 'helper') return helperName(this.env.platform, insn.imm)
    if (insn.target === 'kfunc') return `kernel function ${insn.imm}`
    return subprogramName(this.env, slot + 1 + insn.imm)
  }

  private addressText(slot: number): string {
    const reference = this.env.program.references?.get(slot)
    switch (reference?.kind) {
      case 'map':
        return `is the address of ${mapText(reference.map)}`
      case 'map_value': {
        const variable = reference.map.variables?.find(
          ({ offset, size }) => offset <= reference.offset && reference.offset < offset + size,
        )
        this.name ??= variable?.name
        return variable === undefined
          ? `is the address of byte ${reference.offset} of ${mapText(reference.map)}`
          : `is the address of the global variable ${variable.name}`
      }
      case 'ksym':
        return `is the address of the kernel symbol ${reference.name}`
      default:
        return 'is a constant'
    }
  }

  private loadText(base: Reg, insnOff: number, size: number): string {
    const kind = baseType(base.type)
    const offset = base.off + (base.scalar.isConstant ? base.scalar.constant : 0) + insnOff
    if (kind === PTR_TO_CTX) {
      const { context } = this.env.programType
      const field = context?.fields.find((one) => one.offset <= offset && offset < one.offset + one.size)
      if (field !== undefined) return `is read from the context: ${field.name}`
      return `is read from the context, at offset ${offset}`
    }
    if (kind === PTR_TO_MAP_VALUE && base.map.variables !== undefined && base.scalar.isConstant) {
      const variable = base.map.variables.find((one) => one.offset <= offset && offset < one.offset + one.size)
      if (variable !== undefined) {
        this.name ??= variable.name
        return `is read from the global variable ${variable.name}`
      }
    }
    if (kind === PTR_TO_PACKET) return `is read from the packet (${size * 8} bits)`
    return `is read from ${targetText(base)} (${size * 8} bits)`
  }
}

const ALU_WORDS: Partial<Record<AluOp, string>> = {
  add: 'is increased by',
  sub: 'is decreased by',
  mul: 'is multiplied by',
  div: 'is divided by',
  sdiv: 'is divided (signed) by',
  mod: 'is taken modulo',
  smod: 'is taken modulo (signed)',
  and: 'is masked with',
  or: 'is combined (or) with',
  xor: 'is combined (xor) with',
  lsh: 'is shifted left by',
  rsh: 'is shifted right by',
  arsh: 'is shifted right (signed) by',
}

function writes(insn: Instruction, regno: number): boolean {
  switch (insn.kind) {
    case 'alu':
    case 'load':
    case 'load_acquire':
    case 'lddw':
    case 'movsx':
    case 'neg':
    case 'endian':
    case 'addr_space_cast':
      return insn.dst === regno && !(insn.kind === 'alu' && insn.op !== 'mov')
    case 'call':
    case 'callx':
    case 'load_packet':
      return regno <= 5
    case 'atomic':
      return (insn.op === 'cmpxchg' ? 0 : insn.fetch ? insn.src : -1) === regno
    default:
      return false
  }
}

/** Its upper 32 bits may hold something. */
export function hasUpperHalf({ type, scalar }: Reg): boolean {
  return type === SCALAR_VALUE && scalar.umax > 0xffffffff
}

/** Less is known afterwards: there were bounds, and there are none. */
function lost(before: Reg | undefined, after: Reg): boolean {
  return before !== undefined && before.type === after.type && !isUnbounded(before.scalar) && isUnbounded(after.scalar)
}

function learnt(before: Reg, after: Reg): boolean {
  return before.type !== after.type || before.scalar !== after.scalar || before.aux !== after.aux
}

function sameSlot(before: StackSlot | undefined, after: StackSlot | undefined): boolean {
  return before === after || (before?.bytes === after?.bytes && before?.reg === after?.reg)
}

/** Where an instruction comes from, if the program says so. */
export function sourceAt(env: Environment, slot: number): SourceLocation | undefined {
  const line = lineOf(env.program.lines, slot)
  return line === undefined ? undefined : { file: line.file, line: line.line, column: line.column, text: line.text }
}

/** An instruction as Linux prints it. */
export function insnText(env: Environment, slot: number): string {
  const insn = env.insns[slot]
  if (insn === undefined) return ''
  const reference = env.program.references?.get(slot)
  const isKfunc = reference?.kind === 'kfunc'
  const text = formatLinuxInsn(insn, {
    helper: (id) => env.platform.helpers.get(id)?.name,
    ...(isKfunc && { kfunc: reference.name }),
  })
  // Which number a kernel function has is known once a loader looked it up.
  return isKfunc && insn.kind === 'call' && insn.imm <= 0 ? text.replace(/#-?\d+$/, '') : text
}

/** The function that begins at a slot. */
export function subprogramName(env: Environment, slot: number): string {
  const subprogram = env.subprograms.find((one) => one.start === slot)
  return subprogram === undefined || subprogram.name === '' ? `the function at ${slot}` : `${subprogram.name}()`
}
