/**
 * Everything that an explanation may want to know of a rejection: the instruction, its source line, the register at fault
 * and where its value comes from, by the names that the user knows.
 * @module
 */
import type { Instruction } from '../../isa/index.ts'
import type { HelperSpec } from '../../spec/index.ts'
import type { Environment } from '../environment.ts'
import type { Rejection } from '../rejection.ts'
import type { Reg } from '../state.ts'
import { baseType, isPacketPointer, PTR_TO_CTX, SCALAR_VALUE } from '../types.ts'
import { countsRounds, movesInLoop, type PacketFacts, packetEndName, packetFacts } from './packet-facts.ts'
import type { Step } from './recorder.ts'
import type { SourceLocation } from './report.ts'
import { accessedName, accessedPointer, argumentText, assignedName, indexName, pointerName } from './source-names.ts'
import { type Origin, type Place, sourceAt, type TracedValue, ValueTracer } from './value-history.ts'
import { helperName, parameterNames, regWords } from './words.ts'

/** A value with its history and what it may be called. */
export interface NamedValue {
  readonly regno: number
  readonly reg: Reg
  readonly traced: TracedValue
  /** In the source, where it can be told. */
  readonly name: string | undefined
}

const UNTRACED: TracedValue = {
  origin: { kind: 'unknown' },
  history: [],
  name: undefined,
  added: undefined,
  member: undefined,
  originStep: -1,
  extended: undefined,
}

export class Scene {
  readonly env: Environment
  readonly rejection: Rejection
  /** -1: the program as a whole. */
  readonly slot: number
  readonly insn: Instruction | undefined
  readonly source: SourceLocation | undefined
  /** The register at fault; undefined if it is not about one. */
  readonly value: NamedValue | undefined
  /** Of a pointer with a variable offset: the number that makes it so. */
  readonly index: NamedValue | undefined
  private readonly steps: readonly Step[]
  private readonly tracer: ValueTracer

  constructor(env: Environment, rejection: Rejection, slot: number, steps: readonly Step[]) {
    this.env = env
    this.rejection = rejection
    this.slot = slot
    this.insn = slot < 0 ? undefined : env.insns[slot]
    this.source = slot < 0 ? undefined : sourceAt(env, slot)
    // The last step is the failing instruction; where it is not, registers are no help.
    this.steps = steps.at(-1)?.insn === slot ? steps : []
    this.tracer = new ValueTracer(env, this.steps)
    const regno = this.faultyRegister()
    this.value = regno === undefined ? undefined : this.register(regno)
    this.index = this.variableIndex()
  }

  /** The message of Linux. */
  get message(): string {
    return this.rejection.lines.at(-1) ?? this.rejection.code
  }

  /** A fact of the rejection that is a number. */
  number(fact: string): number | undefined {
    const value = this.rejection.facts[fact]
    return typeof value === 'number' ? value : undefined
  }

  /** The helper that the instruction calls. */
  get helper(): HelperSpec | undefined {
    const { insn } = this
    if (insn?.kind !== 'call' || insn.target !== 'helper') return undefined
    return this.env.platform.helpers.get(insn.imm)
  }

  /** What the instruction calls: `bpf_map_lookup_elem`, a kernel function's or a function's name. */
  get callee(): string {
    const { insn, slot } = this
    const reference = this.env.program.references?.get(slot)
    if (reference?.kind === 'kfunc') return reference.name
    if (insn?.kind !== 'call') return 'the call'
    if (insn.target === 'helper') return helperName(this.env.platform, insn.imm)
    const subprogram = this.env.subprograms.find((one) => one.start === slot + 1 + insn.imm)
    return subprogram?.name ? `${subprogram.name}()` : 'the function'
  }

  /** The name of argument `regno` in the prototype of what is called. */
  parameter(regno: number): string | undefined {
    return parameterNames(this.helper?.prototype)[regno - 1]
  }

  /** How to call a register: `` `value` (r0) ``, or `r0`. */
  who(value: NamedValue | undefined): string {
    if (value === undefined) return 'a register'
    return value.name === undefined ? `r${value.regno}` : `\`${value.name}\` (r${value.regno})`
  }

  /** A register before the instruction. */
  register(regno: number): NamedValue | undefined {
    const step = this.steps.at(-1)
    const reg = step?.regs[regno] ?? this.registerNow(regno)
    if (reg === undefined) return undefined
    const place = { index: this.steps.length - 1, regno }
    const traced = step === undefined ? UNTRACED : this.tracer.trace(place)
    return { regno, reg, traced, name: this.nameOf(regno, reg, traced) }
  }

  /** What made the register at fault. */
  get origin(): Origin {
    return this.value?.traced.origin ?? { kind: 'unknown' }
  }

  /** What it is, in words. */
  known(value: NamedValue | undefined): string {
    return value === undefined ? 'something' : regWords(value.reg)
  }

  /**
   * Of a number that was read from memory: an earlier read of the same place on this path, whose value was compared. What
   * was learnt then says nothing of what is read again.
   */
  readBefore(value: NamedValue | undefined): SourceLocation | undefined {
    const origin = value?.traced.origin
    if (origin?.kind !== 'load') return undefined
    return this.tracer.earlierRead(this.steps.length - 1, origin.insn)
  }

  /** The path to the instruction is known: registers and what is held are those before it. */
  get isTraced(): boolean {
    return this.steps.length > 0
  }

  /**
   * A comparison on this path of a copy that was made of the lower 32 bits of a value, where the value itself is the
   * whole: what was compared is not what is used.
   */
  comparedCopy(value: NamedValue | undefined): SourceLocation | undefined {
    if (value === undefined) return undefined
    return this.tracer.comparedCopy(this.steps.length - 1, value.traced)
  }

  /** Of a number that is a difference of pointers: the comparison of such pointers for equality on this path. */
  comparedPointers(value: NamedValue): SourceLocation | undefined {
    if (!value.traced.history.some((event) => /^is decreased by a pointer/.test(event.what))) return undefined
    return this.tracer.comparedPointers(this.steps.length - 1)
  }

  /** Where a value was made. */
  originSource(value: NamedValue | undefined): SourceLocation | undefined {
    const step = this.steps[value?.traced.originStep ?? -1]
    return step === undefined ? undefined : sourceAt(this.env, step.insn)
  }

  /** What the path did to find out how far the packet behind a pointer reaches. */
  packetFacts(reg: Reg): PacketFacts {
    return packetFacts(this.env, this.steps, reg)
  }

  /** The variable that holds the end of the packet. */
  get packetEndName(): string | undefined {
    return packetEndName(this.env, this.steps)
  }

  /** The instruction is in a loop that moves the pointer it accesses. */
  get movesInLoop(): boolean {
    return movesInLoop(this.env, this.slot)
  }

  /** The loop that the instruction is in has a counter with a constant bound. */
  get countsRounds(): boolean {
    return countsRounds(this.env, this.slot)
  }

  /** Name of the program type. */
  get type(): string {
    return this.env.program.type
  }

  /** Bytes that the instruction accesses; undefined for calls. */
  get accessSize(): number | undefined {
    const { insn } = this
    if (insn === undefined) return undefined
    return 'size' in insn ? insn.size : this.number('size')
  }

  /** What the instruction does to memory. */
  get verb(): string {
    switch (this.insn?.kind) {
      case 'store':
      case 'store_release':
        return 'writes'
      case 'atomic':
        return 'updates'
      case 'load':
      case 'load_acquire':
      case 'load_packet':
        return 'reads'
      default:
        return 'hands over'
    }
  }

  private registerNow(regno: number): Reg | undefined {
    if (this.env.statistics.insnsProcessed === 0 || this.slot < 0) return undefined
    return this.env.cur?.frame.regs[regno]
  }

  private faultyRegister(): number | undefined {
    if (this.slot < 0) return undefined
    const { facts, lines } = this.rejection
    if (typeof facts.regno === 'number') return facts.regno
    for (const line of lines.toReversed()) {
      const match = /\bR(\d+)\b/.exec(line)
      if (match !== null && Number(match[1]) <= 10) return Number(match[1])
    }
    const { insn } = this
    if (insn?.kind === 'alu') return insn.dst
    return insn !== undefined && 'base' in insn ? insn.base : undefined
  }

  private variableIndex(): NamedValue | undefined {
    const { value, insn } = this
    if (this.rejection.code === 'pointer_offset' && insn?.kind === 'alu' && 'reg' in insn.src) {
      const added = [insn.src.reg, insn.dst].map((regno) => this.register(regno))
      return added.find((one) => one !== undefined && one.reg.type === SCALAR_VALUE)
    }
    if (value === undefined || value.reg.type === SCALAR_VALUE || value.reg.scalar.isConstant) return undefined
    const place = this.tracer.variablePart({ index: this.steps.length - 1, regno: value.regno })
    return place === undefined ? undefined : this.indexAt(place)
  }

  private indexAt(place: Place): NamedValue | undefined {
    const step = this.steps[place.index]
    const reg = step?.regs[place.regno]
    if (step === undefined || reg === undefined) return undefined
    const traced = this.tracer.trace(place)
    const added = sourceAt(this.env, step.insn)
    const pointer = added === undefined ? undefined : assignedName(added.text, added.column)
    const name =
      indexName(this.source?.text ?? '') ??
      (added === undefined ? undefined : indexName(added.text)) ??
      // The line that adds it may name the pointer that results.
      (traced.name === pointer ? undefined : traced.name)
    return { regno: place.regno, reg, traced, name }
  }

  private nameOf(regno: number, reg: Reg, traced: TracedValue): string | undefined {
    if (baseType(reg.type) === PTR_TO_CTX) return undefined
    const text = this.source?.text ?? ''
    if (this.insn?.kind === 'call') {
      const given = argumentText(text, this.callee.replace(/\(\)$/, ''), regno - 1)
      if (given !== undefined && /^[&*]?[A-Za-z_][\w.>-]*$/.test(given)) return given
    }
    const { insn, source } = this
    if (insn !== undefined && 'base' in insn && insn.base === regno && source !== undefined) {
      const pointer = accessedPointer(source.text, source.column)
      const plain = isPacketPointer(reg.type) ? /^\w+/ : /^\w+$/
      const dereferenced = pointer === undefined ? undefined : plain.exec(pointer)?.[0]
      const accessed = accessedName(source.text, source.column) ?? dereferenced
      if (accessed !== undefined) return accessed
    }
    if (traced.origin.kind === 'entry') return this.entryName(traced.origin.regno)
    if (traced.name !== undefined) return traced.name
    return reg.type === SCALAR_VALUE ? undefined : pointerName(text)
  }

  /** The name of a parameter of the function that is verified on its own. */
  private entryName(regno: number): string | undefined {
    const { btf } = this.env.program
    const type = this.env.subprograms[this.env.rootSubprogram]?.btfType
    const func = type === undefined ? undefined : btf?.get(type)
    const prototype = func?.kind === 'func' ? btf?.get(func.type) : undefined
    const name = prototype?.kind === 'func_proto' ? prototype.params[regno - 1]?.name : undefined
    return name === '' ? undefined : name
  }
}

/** What is said of a rejection besides where it is. */
export interface Advice {
  /** One sentence, without a full stop. */
  readonly reason: string
  readonly fix?: string
}

export type Advise = (scene: Scene) => Advice
