/**
 * Small mistakes: one instruction of a program changed, as a programmer, a compiler or an attacker might.
 * @module
 */
import type { AluOp, Instruction, JumpOp } from '../../src/isa/index.ts'
import type { SeededRandom } from '../../src/util/index.ts'

export interface Mutation {
  readonly insns: readonly Instruction[]
  readonly kind: string
  /** What was changed, and where. */
  readonly what: string
}

const ALU_OPS: readonly AluOp[] = ['add', 'sub', 'mul', 'div', 'or', 'and', 'lsh', 'rsh', 'mod', 'xor', 'arsh', 'mov']
const JUMP_OPS: readonly JumpOp[] = ['eq', 'gt', 'ge', 'set', 'ne', 'sgt', 'sge', 'lt', 'le', 'slt', 'sle']
const SIZES = [1, 2, 4, 8] as const
const HELPERS = [
  1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 14, 15, 16, 23, 25, 26, 28, 34, 39, 44, 45, 51, 65, 84, 112, 125, 131, 132,
]

/** Changes one instruction; undefined if the one that was picked has nothing to change. `fixed`: slots to leave alone. */
export function mutate(
  insns: readonly Instruction[],
  random: SeededRandom,
  fixed: ReadonlySet<number>,
): Mutation | undefined {
  const slot = pickSlot(insns, random)
  const insn = insns[slot]!
  if (fixed.has(slot)) return undefined
  const changed = change(insn, random)
  if (changed === undefined) return undefined
  const [kind, replacement] = changed
  if (JSON.stringify(replacement) === JSON.stringify(insn)) return undefined
  const copy = insns.slice()
  copy[slot] = replacement
  return { insns: copy, kind, what: `insn ${slot} ${kind} ${brief(insn)} -> ${brief(replacement)}` }
}

/** Half of the time a jump: the checks of a program are few, and forgotten most often. */
function pickSlot(insns: readonly Instruction[], random: SeededRandom): number {
  const start = random.below(insns.length)
  if (random.below(2) === 0) return start
  for (let i = 0; i < insns.length; i++) {
    const slot = (start + i) % insns.length
    if (insns[slot]!.kind === 'jump') return slot
  }
  return start
}

function brief(insn: Instruction): string {
  return Object.values(insn)
    .map((value) =>
      typeof value === 'object'
        ? Object.entries(value as object)
            .join(' ')
            .replaceAll(',', '')
        : value,
    )
    .join(' ')
}

type Change = readonly [kind: string, insn: Instruction]

function change(insn: Instruction, random: SeededRandom): Change | undefined {
  switch (insn.kind) {
    case 'alu':
      return pick(random, [
        () => ['register', { ...insn, dst: random.below(10) }],
        () => ['operation', { ...insn, op: random.pick(ALU_OPS) }],
        () => ['width', { ...insn, width: insn.width === 64 ? 32 : 64 }],
        () => ['dropped', { kind: 'goto', wide: false, off: 0 }],
        () =>
          'imm' in insn.src
            ? ['immediate', { ...insn, src: { imm: number(random, insn.src.imm) } }]
            : ['register', { ...insn, src: { reg: random.below(11) } }],
      ])
    case 'jump':
      return pick(random, [
        () => ['dropped check', { kind: 'goto', wide: false, off: 0 }],
        () => ['dropped check', { kind: 'goto', wide: false, off: insn.off }],
        () => ['operation', { ...insn, op: random.pick(JUMP_OPS) }],
        () => ['width', { ...insn, width: insn.width === 64 ? 32 : 64 }],
        () => ['register', { ...insn, dst: random.below(11) }],
        () =>
          'imm' in insn.src
            ? ['immediate', { ...insn, src: { imm: number(random, insn.src.imm) } }]
            : ['register', { ...insn, src: { reg: random.below(11) } }],
      ])
    case 'load':
      return pick(random, [
        () => ['size', { ...insn, size: random.pick(SIZES), signed: false }],
        () => ['offset', { ...insn, off: offset(random, insn.off) }],
        () => ['register', { ...insn, dst: random.below(10) }],
        () => ['register', { ...insn, base: random.below(11) }],
        () => ['dropped', { kind: 'goto', wide: false, off: 0 }],
      ])
    case 'store':
      return pick(random, [
        () => ['size', { ...insn, size: random.pick(SIZES) }],
        () => ['offset', { ...insn, off: offset(random, insn.off) }],
        () => ['register', { ...insn, base: random.below(11) }],
        () => ['dropped', { kind: 'goto', wide: false, off: 0 }],
        () => ('reg' in insn.src ? ['register', { ...insn, src: { reg: random.below(11) } }] : undefined),
      ])
    case 'atomic':
      return pick(random, [
        () => ['size', { ...insn, size: insn.size === 8 ? 4 : 8 }],
        () => ['offset', { ...insn, off: offset(random, insn.off) }],
        () => ['register', { ...insn, base: random.below(11) }],
        () => ['register', { ...insn, src: random.below(11) }],
      ])
    case 'load_packet':
      return ['offset', { ...insn, imm: number(random, insn.imm) }]
    case 'call':
      if (insn.target !== 'helper') return undefined
      return random.below(4) === 0
        ? ['dropped', { kind: 'goto', wide: false, off: 0 }]
        : ['helper', { ...insn, imm: random.pick(HELPERS) }]
    case 'movsx':
      return ['size', { ...insn, bits: random.pick([8, 16] as const) }]
    default:
      return undefined
  }
}

function pick(random: SeededRandom, changes: readonly (() => Change | undefined)[]): Change | undefined {
  return random.pick(changes)()
}

function number(random: SeededRandom, imm: number): number {
  const near = [imm + 1, imm - 1, imm * 2, -imm, 0, imm + 8, imm - 8, 0x7fffffff, -1, imm >> 1]
  return random.pick(near) | 0
}

function offset(random: SeededRandom, off: number): number {
  const near = [off + 1, off - 1, off + 4, off - 4, off + 8, off - 8, -off, 0, off + 64, off - 64]
  return Math.max(-32768, Math.min(32767, random.pick(near)))
}
