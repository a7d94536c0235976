/**
 * Makes a program that shows a difference smaller, as long as it goes on showing one and stays valid.
 * @module
 */
import { codeAddressTarget, type Instruction, jumpTarget, WIDE_TAIL } from '../../src/isa/index.ts'
import { compare, InvalidProgram } from './compare.ts'
import type { GeneratedCode, GeneratedProgram } from './generator/generate.ts'
import type { World } from './world.ts'

const NOTHING: Instruction = { kind: 'alu', op: 'mov', width: 64, dst: 0, src: { reg: 0 } }

function isNothing(insn: Instruction): boolean {
  if (insn.kind === 'goto') return insn.off === 0
  return insn.kind === 'alu' && insn.op === 'mov' && insn.width === 64 && 'reg' in insn.src && insn.src.reg === insn.dst
}

export function shrink(world: World, program: GeneratedProgram): GeneratedProgram {
  const fails = (candidate: GeneratedProgram): boolean => {
    try {
      return compare(world, candidate).difference !== undefined
    } catch (error) {
      if (error instanceof InvalidProgram || error instanceof Error) return false
      throw error
    }
  }
  let smallest = program
  const attempt = (candidate: GeneratedProgram): boolean => {
    if (!fails(candidate)) return false
    smallest = candidate
    return true
  }
  for (let tail = program.tails.length - 1; tail >= 0; tail--) {
    attempt({ ...smallest, tails: smallest.tails.filter((_, i) => i !== tail) })
  }
  for (let before = -1; before !== smallest.insns.length; ) {
    before = smallest.insns.length
    for (let size = Math.max(1, smallest.insns.length >> 1); size >= 1; size >>= 1) {
      for (let at = smallest.insns.length - size; at >= 0; at -= size) {
        const insns = without(smallest.insns, at, at + size)
        if (insns !== undefined) attempt({ ...smallest, insns, indirectTargets: kept(insns, smallest.indirectTargets) })
      }
    }
    for (let size = smallest.insns.length; size >= 1; size >>= 1) {
      for (let at = smallest.insns.length - size; at >= 0; at -= size) {
        const { insns } = compacted(smallest, at, at + size)
        if (insns.length < smallest.insns.length) attempt({ ...smallest, insns })
      }
    }
  }
  return smallest
}

/** The program with nothing where instructions were; undefined if nothing was there before. */
function without(insns: readonly Instruction[], start: number, end: number): Instruction[] | undefined {
  const changed = insns.slice()
  let some = false
  for (let slot = start; slot < end; slot++) {
    const insn = changed[slot]!
    if (insn.kind === 'wide_tail' || isNothing(insn)) continue
    changed[slot] = NOTHING
    if (insn.kind === 'lddw') changed[slot + 1] = NOTHING
    some = true
  }
  return some ? changed : undefined
}

function kept(
  insns: readonly Instruction[],
  targets: GeneratedCode['indirectTargets'],
): GeneratedCode['indirectTargets'] {
  return new Map([...targets].filter(([slot]) => insns[slot]!.kind === 'goto_indirect'))
}

/** The program without what does nothing in a range. Jumps by a table would need their constants changed: then all is kept. */
function compacted({ insns, indirectTargets }: GeneratedCode, start: number, end: number): GeneratedCode {
  if (indirectTargets.size > 0) return { insns, indirectTargets }
  const goes = (slot: number): boolean => slot >= start && slot < end && isNothing(insns[slot]!)
  const place: number[] = []
  let count = 0
  for (let slot = 0; slot < insns.length; slot++) {
    place[slot] = count
    if (!goes(slot)) count++
  }
  place[insns.length] = count
  const moved: Instruction[] = []
  insns.forEach((insn, slot) => {
    if (goes(slot)) return
    const from = place[slot]! + 1
    const to = (target: number): number => (place[target] ?? count + target - insns.length) - from
    const target = jumpTarget(slot, insn)
    if (insn.kind === 'wide_tail') moved.push(WIDE_TAIL)
    else if (target !== undefined) moved.push({ ...insn, off: to(target) } as Instruction)
    else if (insn.kind === 'call' && insn.target === 'local') moved.push({ ...insn, imm: to(slot + 1 + insn.imm) })
    else if (insn.kind === 'lddw' && insn.source === 'code_addr') {
      moved.push({ ...insn, imm: to(codeAddressTarget(slot, insn)) })
    } else moved.push(insn)
  })
  return { insns: moved, indirectTargets }
}
