/**
 * Code that is being written by a generator: instructions by slot, labels, symbols. Branch targets are filled in when they
 * are known.
 * @module
 */
import type { AccessSize, AluOp, AtomicOp, Instruction, JumpOp, Operand } from '../../src/isa/index.ts'
import type { VerifierReference } from '../../src/verifier/index.ts'

/** The instructions of one program, and what they refer to. */
export class Code {
  readonly insns: Instruction[] = []
  readonly references = new Map<number, VerifierReference>()

  get slot(): number {
    return this.insns.length
  }

  push(insn: Instruction): number {
    return this.insns.push(insn) - 1
  }

  alu(op: AluOp, dst: number, src: Operand, width: 32 | 64 = 64): void {
    this.push({ kind: 'alu', op, width, dst, src })
  }

  move(dst: number, src: number): void {
    this.alu('mov', dst, { reg: src })
  }

  set(dst: number, imm: number): void {
    this.alu('mov', dst, { imm })
  }

  load(size: AccessSize, dst: number, base: number, off: number, signed = false): void {
    this.push({ kind: 'load', size, signed: signed && size < 8, dst, base, off })
  }

  store(size: AccessSize, base: number, off: number, src: Operand): void {
    this.push({ kind: 'store', size, base, off, src })
  }

  atomic(op: AtomicOp, size: 4 | 8, base: number, off: number, src: number, fetch: boolean): void {
    this.push({ kind: 'atomic', op, size, fetch: fetch || op === 'xchg' || op === 'cmpxchg', base, off, src })
  }

  /** A jump whose target is not known yet: `land` gives it one. */
  jump(op: JumpOp, dst: number, src: Operand, width: 32 | 64 = 64): number {
    return this.push({ kind: 'jump', op, width, dst, src, off: 0 })
  }

  goto(): number {
    return this.push({ kind: 'goto', wide: false, off: 0 })
  }

  /** The branch at `slot` goes to `target`: by default, to what comes next. */
  land(slot: number, target: number = this.slot): void {
    const insn = this.insns[slot]!
    if (insn.kind !== 'jump' && insn.kind !== 'goto' && insn.kind !== 'may_goto')
      throw new Error(`no branch at ${slot}`)
    this.insns[slot] = { ...insn, off: target - slot - 1 }
  }

  helper(id: number): void {
    this.push({ kind: 'call', target: 'helper', imm: id, off: 0 })
  }

  /** A call of a function whose place is not known yet: `place` gives it one. */
  callFunction(): number {
    return this.push({ kind: 'call', target: 'local', imm: 0, off: 0 })
  }

  /** The address of a function whose place is not known yet. */
  functionAddress(dst: number): number {
    return this.wide({ kind: 'lddw', source: 'code_addr', dst, imm: 0, imm2: 0 })
  }

  /** What refers to a function at `slot` refers to the one that begins at `target`. */
  place(slot: number, target: number): void {
    const insn = this.insns[slot]!
    if (insn.kind !== 'call' && insn.kind !== 'lddw') throw new Error(`no call at ${slot}`)
    this.insns[slot] = { ...insn, imm: target - slot - 1 }
  }

  constant(dst: number, low: number, high: number): void {
    this.wide({ kind: 'lddw', source: 'imm64', dst, imm: low, imm2: high })
  }

  /** Loads what is known by a symbol. */
  symbol(dst: number, reference: VerifierReference): void {
    const slot =
      reference.kind === 'map_value'
        ? this.wide({ kind: 'lddw', source: 'map_value', dst, imm: 1, imm2: reference.offset })
        : this.wide({ kind: 'lddw', source: 'map_fd', dst, imm: 1, imm2: 0 })
    this.references.set(slot, reference)
  }

  exit(): void {
    this.push({ kind: 'exit' })
  }

  private wide(insn: Instruction): number {
    const slot = this.push(insn)
    this.push({ kind: 'wide_tail' })
    return slot
  }
}
