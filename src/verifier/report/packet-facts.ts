/**
 * What a path did to find out how far the packet reaches: which pointers it compared with the end, and what looks like a
 * comparison and is none.
 * @module
 */
import type { Instruction } from '../../isa/index.ts'
import type { Environment } from '../environment.ts'
import type { Reg } from '../state.ts'
import { baseType, isPacketPointer, PTR_TO_PACKET, PTR_TO_PACKET_END, PTR_TO_PACKET_META } from '../types.ts'
import type { Step } from './recorder.ts'
import type { SourceLocation } from './report.ts'
import { assignedName } from './source-names.ts'
import { sourceAt } from './value-history.ts'

/** Linux learns from comparisons of packet pointers up to this offset (`MAX_PACKET_OFF`). */
export const MAX_PACKET_OFFSET = 0xffff

export interface PacketComparison {
  readonly source: SourceLocation | undefined
  /** It says that the pointer lies before the end, not that its successor does not lie beyond. */
  readonly strict: boolean
}

export interface PacketFacts {
  /** The last comparison with the end of a pointer that shares its variable offset. */
  readonly compared: PacketComparison | undefined
  /** A comparison of metadata with the packet's end, not its beginning. */
  readonly wrongLimit: SourceLocation | undefined
  /** A subtraction of pointers into the packet. */
  readonly difference: SourceLocation | undefined
  /** Pointers with another offset were compared. */
  readonly othersCompared: boolean
}

/** Of the pointer `reg` at the end of the path. */
export function packetFacts(env: Environment, steps: readonly Step[], reg: Reg): PacketFacts {
  let compared: PacketComparison | undefined
  let wrongLimit: SourceLocation | undefined
  let difference: SourceLocation | undefined
  let othersCompared = false
  for (const [i, step] of steps.entries()) {
    const insn = env.insns[step.insn]!
    if ((insn.kind !== 'alu' && insn.kind !== 'jump') || !('reg' in insn.src)) continue
    const left = step.regs[insn.dst]!
    const right = step.regs[insn.src.reg]!
    if (!isOfPacket(left) || !isOfPacket(right)) continue
    const source = sourceAt(env, step.insn)
    if (insn.kind === 'alu') {
      if (insn.op === 'sub') difference = source
      continue
    }
    const [pointer, limit] = isLimitOf(left, right) ? [right, left] : [left, right]
    if (baseType(pointer.type) !== baseType(reg.type)) continue
    if (!isLimitOf(limit, pointer)) {
      if (baseType(limit.type) === PTR_TO_PACKET_END) wrongLimit = source
    } else if (pointer.id === reg.id)
      compared = { source, strict: isStrict(insn, steps[i + 1], step, pointer === left) }
    else othersCompared = true
  }
  return { compared, wrongLimit, difference, othersCompared }
}

function isOfPacket(reg: Reg): boolean {
  return isPacketPointer(reg.type) || baseType(reg.type) === PTR_TO_PACKET_END
}

function isLimitOf(limit: Reg, pointer: Reg): boolean {
  switch (baseType(pointer.type)) {
    case PTR_TO_PACKET:
      return baseType(limit.type) === PTR_TO_PACKET_END
    case PTR_TO_PACKET_META:
      return baseType(limit.type) === PTR_TO_PACKET
    default:
      return false
  }
}

/** Whether `pointer < limit` is what the way that was taken means. */
function isStrict(insn: Instruction, next: Step | undefined, step: Step, pointerFirst: boolean): boolean {
  if (insn.kind !== 'jump' || next === undefined) return false
  const taken = next.insn !== step.insn + 1
  const below = pointerFirst ? ['lt', 'ge'] : ['gt', 'le']
  return insn.op === below[taken ? 0 : 1]
}

/** The variable that holds the packet's end, by the line that reads it from the context. */
export function packetEndName(env: Environment, steps: readonly Step[]): string | undefined {
  for (const [i, step] of steps.entries()) {
    const insn = env.insns[step.insn]!
    if (insn.kind !== 'load' || steps[i + 1] === undefined) continue
    if (baseType(steps[i + 1]!.regs[insn.dst]!.type) !== PTR_TO_PACKET_END) continue
    const source = sourceAt(env, step.insn)
    const name = source === undefined ? undefined : assignedName(source.text, source.column)
    if (name !== undefined) return name
  }
  return undefined
}

/** Whether the pointer that an instruction accesses moves in a loop around it. */
export function movesInLoop(env: Environment, slot: number): boolean {
  const insn = env.insns[slot]
  const loop = loopAround(env, slot)
  if (insn === undefined || !('base' in insn) || loop === undefined) return false
  const pointers = new Set<number>([insn.base])
  for (let before = 0; before !== pointers.size; ) {
    before = pointers.size
    for (let at = loop.begin; at <= loop.end; at++) {
      const one = env.insns[at]!
      if (one.kind !== 'alu' || !pointers.has(one.dst)) continue
      if (one.op !== 'mov') return true
      if ('reg' in one.src) pointers.add(one.src.reg)
    }
  }
  return false
}

/** Whether the loop around an instruction counts towards a constant: a register that is increased and compared in it. */
export function countsRounds(env: Environment, slot: number): boolean {
  const loop = loopAround(env, slot)
  if (loop === undefined) return false
  const body = env.insns.slice(loop.begin, loop.end + 1)
  return body.some(
    (insn) =>
      insn.kind === 'jump' &&
      'imm' in insn.src &&
      body.some((one) => one.kind === 'alu' && one.op === 'add' && one.dst === insn.dst && 'imm' in one.src),
  )
}

/** The smallest stretch of instructions around one that a jump goes back over. */
function loopAround(env: Environment, slot: number): { readonly begin: number; readonly end: number } | undefined {
  const subprogram = env.subprogramOf[slot]
  for (let end = slot; end < env.insns.length && env.subprogramOf[end] === subprogram; end++) {
    const insn = env.insns[end]!
    if (insn.kind !== 'jump' && insn.kind !== 'goto' && insn.kind !== 'may_goto') continue
    const begin = end + 1 + insn.off
    if (begin <= slot && begin >= 0) return { begin, end }
  }
  return undefined
}
