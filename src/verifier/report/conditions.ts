/**
 * What holds on a path after a comparison, in the terms of the source: `len <= 128`, `value != NULL`,
 * `data + 34 <= data_end`. Whether a jump is taken says nothing to who reads C: compilers turn conditions round.
 * @module
 */
import type { JumpInsn, JumpOp } from '../../isa/index.ts'
import type { Environment } from '../environment.ts'
import type { Reg } from '../state.ts'
import { baseType, maybeNull, PTR_TO_PACKET, PTR_TO_PACKET_END, PTR_TO_PACKET_META, SCALAR_VALUE } from '../types.ts'
import type { Step } from './recorder.ts'
import { hasUpperHalf, type TracedValue, type ValueTracer } from './value-history.ts'
import { numberText } from './words.ts'

const OPERATORS: Readonly<Record<Exclude<JumpOp, 'set'>, readonly [taken: string, not: string]>> = {
  eq: ['==', '!='],
  ne: ['!=', '=='],
  gt: ['>', '<='],
  ge: ['>=', '<'],
  lt: ['<', '>='],
  le: ['<=', '>'],
  sgt: ['>', '<='],
  sge: ['>=', '<'],
  slt: ['<', '>='],
  sle: ['<=', '>'],
}

const MIRRORED: Readonly<Record<string, string>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' }

/** A value whose name is known from where it is used. */
export interface KnownValue {
  readonly originStep: number
  readonly name: string
}

/** Where the conditional jump at step `index` was left: what holds from there on. */
export function conditionText(
  env: Environment,
  tracer: ValueTracer,
  steps: readonly Step[],
  index: number,
  taken: boolean,
  known?: KnownValue,
): string | undefined {
  const step = steps[index]
  const insn = step === undefined ? undefined : env.insns[step.insn]
  if (step === undefined || insn?.kind !== 'jump') return undefined
  const left = step.regs[insn.dst]!
  const right = 'reg' in insn.src ? step.regs[insn.src.reg]! : undefined
  const half = insn.width === 32
  const leftText = operandText(left, insn.dst, index, half, tracer, known)
  const rightText =
    right !== undefined && 'reg' in insn.src
      ? operandText(right, insn.src.reg, index, half, tracer, known)
      : immediateText(insn, left)
  if (insn.op === 'set') return `${leftText} & ${rightText} is ${taken ? 'not ' : ''}0`
  const operator = OPERATORS[insn.op][taken ? 0 : 1]
  // A variable on the left, a limit on the right, as people write it.
  const turned = right !== undefined && isLimit(left) && !isLimit(right)
  return turned ? `${rightText} ${MIRRORED[operator] ?? operator} ${leftText}` : `${leftText} ${operator} ${rightText}`
}

function isLimit(reg: Reg): boolean {
  return reg.type === SCALAR_VALUE ? reg.scalar.isConstant : baseType(reg.type) === PTR_TO_PACKET_END
}

function immediateText({ src }: JumpInsn, left: Reg): string {
  const imm = 'imm' in src ? src.imm : 0
  return imm === 0 && (left.type !== SCALAR_VALUE || maybeNull(left.type)) ? 'NULL' : numberText(imm)
}

function operandText(
  reg: Reg,
  regno: number,
  index: number,
  half: boolean,
  tracer: ValueTracer,
  known: KnownValue | undefined,
): string {
  if (reg.type === SCALAR_VALUE && reg.scalar.isConstant) return numberText(reg.scalar.constant)
  const packet = packetText(reg)
  if (packet !== undefined) return packet
  const traced = tracer.trace({ index, regno })
  const name = traced.added === undefined ? undefined : nameOf(traced, known)
  if (name === undefined) return `r${regno}`
  const { extended, added = 0 } = traced
  const expression = added === 0 ? name : `${name} ${added < 0 ? '-' : '+'} ${Math.abs(added)}`
  // The lower half is not the value: what holds of it need not hold of that.
  if (extended !== 'zero' && !(half && hasUpperHalf(reg))) return expression
  return expression.includes(' ') ? `(__u32)(${expression})` : `(__u32)${expression}`
}

function nameOf({ name, member, origin, originStep }: TracedValue, known: KnownValue | undefined): string | undefined {
  if (name !== undefined) return name
  if (known !== undefined && originStep >= 0 && known.originStep === originStep) return known.name
  if (member !== undefined) return member
  return origin.kind === 'helper' || origin.kind === 'kfunc' ? `${origin.name}(…)` : undefined
}

/** `data + 34`, `data_end`: pointers into the packet by where they point. */
function packetText(reg: Reg): string | undefined {
  switch (baseType(reg.type)) {
    case PTR_TO_PACKET_END:
      return 'data_end'
    case PTR_TO_PACKET:
    case PTR_TO_PACKET_META: {
      if (!reg.scalar.isConstant) return undefined
      const base = baseType(reg.type) === PTR_TO_PACKET ? 'data' : 'data_meta'
      const offset = reg.off + reg.scalar.constant
      return offset === 0 ? base : `${base} ${offset < 0 ? '-' : '+'} ${Math.abs(offset)}`
    }
    default:
      return undefined
  }
}
