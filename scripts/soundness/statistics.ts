/**
 * What a campaign has done: how many programs, accepted and not, and what is in the accepted ones. What programs do is
 * read off the verifier's records, not off the generator's intentions.
 * @module
 */
import type { RunOutcome } from '../../src/loader/self-check/hostile-runtime.ts'
import type { VerifiedFacts } from '../../src/verifier/facts/recorded-states.ts'
import type { Rejection } from '../../src/verifier/rejection.ts'
import { baseType, PTR_TO_MAP_VALUE, PTR_TO_PACKET, PTR_TO_STACK, SCALAR_VALUE } from '../../src/verifier/types.ts'
import type { GeneratedProgram } from './generator/generate.ts'

export class Statistics {
  generated = 0
  accepted = 0
  /** Accepted programs that branch on a number that is not known, or loop. */
  branching = 0
  /** Accepted programs that access stack, packet or map value at an offset that is not known. */
  variable = 0
  untrusted = 0
  /** Instructions that runs were checked at. */
  instructions = 0
  /** Abstract states that were recorded. */
  states = 0
  readonly outcomes = new Map<RunOutcome, number>()
  /** Accepted programs that a rule wrote into, and how often. */
  readonly rules = new Map<string, { programs: number; uses: number }>()
  /** Rejections by code. */
  readonly rejections = new Map<string, number>()

  reject({ code }: Rejection): void {
    this.rejections.set(code, (this.rejections.get(code) ?? 0) + 1)
  }

  count(outcome: RunOutcome): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
  }

  accept({ rules, untrusted }: GeneratedProgram, facts: readonly VerifiedFacts[]): void {
    this.accepted++
    if (untrusted) this.untrusted++
    for (const [name, uses] of rules) {
      const known = this.rules.get(name) ?? { programs: 0, uses: 0 }
      known.programs++
      known.uses += uses
      this.rules.set(name, known)
    }
    for (const one of facts) this.states += one.states.count
    const plain = facts[0]!
    if (branches(plain)) this.branching++
    if (hasVariableOffset(plain)) this.variable++
  }

  report(seconds: number): string {
    const percent = (part: number, of: number): string => `${((100 * part) / Math.max(1, of)).toFixed(1)} %`
    const lines = [
      `${this.accepted} programs accepted of ${this.generated} (${percent(this.accepted, this.generated)}), ` +
        `${this.untrusted} of them for an author who is not trusted; ${seconds.toFixed(1)} s`,
      `branch on an unknown number, or loop: ${percent(this.branching, this.accepted)}; ` +
        `access at a variable offset: ${percent(this.variable, this.accepted)}`,
      `${this.instructions} instructions checked, ${this.states} states recorded; runs: ` +
        [...this.outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', '),
      'rules (accepted programs, uses):',
    ]
    for (const [name, { programs, uses }] of [...this.rules].sort((a, b) => b[1].programs - a[1].programs)) {
      lines.push(`  ${name}: ${programs}, ${uses}`)
    }
    lines.push(
      `rejected: ${[...this.rejections]
        .sort((a, b) => b[1] - a[1])
        .map(([code, count]) => `${count} ${code}`)
        .join(', ')}`,
    )
    return lines.join('\n')
  }
}

/** Some conditional jump goes both ways, on a number; a loop that goes on for a while is one too. */
function branches({ env, states }: VerifiedFacts): boolean {
  const { insns } = env
  for (const one of states.functions()) {
    for (const slot of one.slots()) {
      const insn = insns[slot]!
      if (insn.kind !== 'jump') continue
      const place = one.at(slot)!
      for (const { frames } of place.states) {
        const reg = frames[frames.length - 1]!.regs[insn.dst]!
        if (reg.type === SCALAR_VALUE && !reg.scalar.isConstant && insn.off !== 0) return true
      }
    }
  }
  return false
}

const MEASURED_BASES: ReadonlySet<number> = new Set([PTR_TO_STACK, PTR_TO_PACKET, PTR_TO_MAP_VALUE])

function hasVariableOffset({ env, states }: VerifiedFacts): boolean {
  const { insns } = env
  for (const one of states.functions()) {
    for (const slot of one.slots()) {
      const insn = insns[slot]!
      if (insn.kind !== 'load' && insn.kind !== 'store' && insn.kind !== 'atomic') continue
      const place = one.at(slot)!
      for (const { frames } of place.states) {
        const reg = frames[frames.length - 1]!.regs[insn.base]!
        if (MEASURED_BASES.has(baseType(reg.type)) && !reg.scalar.isConstant) return true
      }
    }
  }
  return false
}
