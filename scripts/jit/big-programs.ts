/**
 * Programs of any length, one kind for each thing that a compiler may be slow at or run out of: a block without end, deep nesting,
 * many loops, functions, ways into one another's code. Each ends, and its result depends on what it did.
 * @module
 */
import type { AluOp, Instruction } from '../../src/isa/index.ts'

export interface BigProgram {
  readonly insns: readonly Instruction[]
  readonly indirectTargets?: ReadonlyMap<number, readonly number[]>
}

/** A program of about `count` instructions. `r1` leads to 256 bytes. */
export type BigProgramKind = (count: number) => BigProgram

const EXIT: Instruction = { kind: 'exit' }
const NOTHING: Instruction = { kind: 'goto', off: 0, wide: false }

const alu = (op: AluOp, dst: number, imm: number, width: 32 | 64 = 64): Instruction => ({
  kind: 'alu',
  op,
  width,
  dst,
  src: { imm },
})
const aluReg = (op: AluOp, dst: number, reg: number, width: 32 | 64 = 64): Instruction => ({
  kind: 'alu',
  op,
  width,
  dst,
  src: { reg },
})
const jump = (op: 'eq' | 'ne' | 'gt' | 'set', dst: number, imm: number, off: number): Instruction => ({
  kind: 'jump',
  op,
  width: 64,
  dst,
  src: { imm },
  off,
})
const far = (from: number, to: number): Instruction => ({ kind: 'goto', off: to - from - 1, wide: true })
const call = (imm: number): Instruction => ({ kind: 'call', target: 'helper', imm, off: 0 })
const callAt = (from: number, to: number): Instruction => ({
  kind: 'call',
  target: 'local',
  imm: to - from - 1,
  off: 0,
})

/** What begins with some instructions, repeats others up to a length, and returns r0. */
function repeated(first: readonly Instruction[], body: (round: number) => readonly Instruction[]): BigProgramKind {
  return (count) => {
    const insns = [...first]
    for (let round = 0; ; round++) {
      const next = body(round)
      if (insns.length + next.length + 1 > count) break
      insns.push(...next)
    }
    insns.push(EXIT)
    return { insns }
  }
}

const START: readonly Instruction[] = [alu('mov', 0, 1), aluReg('mov', 6, 1), alu('mov', 7, 3)]

/** Every jump leads as far as the block that belongs to it: all are open at once. */
function nested(count: number): BigProgram {
  const jumps = Math.floor((count - 8) / 4)
  const insns: Instruction[] = [...START]
  const first = insns.length
  const middle = first + 2 * jumps
  for (let i = 0; i < jumps; i++) {
    const at = first + 2 * i
    // Taken, it passes over the way out.
    insns.push(jump('ne', 0, 1000 + i, 1), far(at + 1, middle + 1 + 2 * (jumps - 1 - i)))
  }
  insns.push(alu('add', 0, 5))
  for (let i = 0; i < jumps; i++) insns.push(alu('mul', 0, 3), aluReg('xor', 0, 7))
  insns.push(EXIT)
  return { insns }
}

/** Loops in loops; each is left at once. */
function loops(count: number): BigProgram {
  const rounds = Math.floor((count - 8) / 5)
  const insns: Instruction[] = [...START]
  const first = insns.length
  for (let i = 0; i < rounds; i++) insns.push(alu('add', 0, 1))
  for (let i = 0; i < rounds; i++) {
    const at = first + rounds + 4 * i
    insns.push(
      alu('add', 8, 1),
      jump('ne', 8, 7 * (i + 1), 1),
      far(at + 2, first + (rounds - 1 - i)),
      aluReg('add', 0, 8),
    )
  }
  insns.push(EXIT)
  return { insns }
}

/** One after the other, each with two ways in. */
const staggered = repeated(START, (round) => [
  jump('set', 0, 1, 3),
  alu('add', 0, 3),
  alu('add', 8, 1),
  jump('gt', 8, 4 * round, 3),
  aluReg('mul', 0, 7),
  alu('xor', 0, round),
  jump('ne', 0, 0, -6),
])

/** As `test_bpf` has them: each jump leads to the one before the one before, from the end to the beginning. */
function backwards(count: number): BigProgram {
  const insns: Instruction[] = [...START]
  const first = insns.length
  const end = count - 2
  insns.push(far(first, end))
  while (insns.length < end) {
    const at = insns.length
    insns.push(alu('add', 0, 1))
    // Its own predecessors lie before and behind it: a web in which nothing dominates anything.
    const to = at - 2 < first + 3 ? end + 1 : at - 2
    if (insns.length < end) insns.push(to === end + 1 ? far(at + 1, to) : jump('ne', 0, 0, to - at - 2))
  }
  insns.push(jump('ne', 0, 0, -3), EXIT)
  return { insns }
}

function functions(count: number): BigProgram {
  const pairs = Math.floor((count - 8) / 3)
  const insns: Instruction[] = [...START]
  const first = insns.length
  const base = first + pairs + 1
  for (let i = 0; i < pairs; i++) insns.push(callAt(first + i, base + 2 * i))
  insns.push(EXIT)
  for (let i = 0; i < pairs; i++) insns.push(alu('mov', 0, i), EXIT)
  return { insns }
}

/** Every instruction of the last third is an entry: the code of each function is that of all later ones too. */
function entries(count: number): BigProgram {
  const third = Math.floor((count - 8) / 3)
  const insns: Instruction[] = [...START]
  const first = insns.length
  const base = first + 2 * third + 1
  for (let i = 0; i < third; i++) {
    const at = first + 2 * i
    // The calls of the last few functions, which are short, are made.
    insns.push(jump(i + 64 < third ? 'ne' : 'eq', 0, -1, 1), callAt(at + 1, base + i))
  }
  insns.push(EXIT)
  for (let i = 0; i < third; i++) insns.push(alu('add', 0, i))
  insns.push(EXIT)
  return { insns }
}

/** A jump table that leads everywhere. */
function table(count: number): BigProgram {
  const targets: number[] = []
  const insns: Instruction[] = [
    ...START,
    { kind: 'lddw', source: 'imm64', dst: 3, imm: 7, imm2: 0x62706602 },
    { kind: 'wide_tail' },
    { kind: 'goto_indirect', dst: 3 },
  ]
  while (insns.length < count - 1) {
    targets.push(insns.length)
    insns.push(alu('add', 0, insns.length))
  }
  insns.push(EXIT)
  return { insns, indirectTargets: new Map([[5, targets]]) }
}

/** Of all kinds; `verified` ones are those that a verifier can accept. */
export const BIG_PROGRAMS: Readonly<Record<string, BigProgramKind>> = {
  'one block': repeated(START, (round) => [alu('add', 0, round), aluReg('mul', 0, 7)]),
  constants: repeated(START, (round) => [
    { kind: 'lddw', source: 'imm64', dst: 3, imm: -round, imm2: 0x12345678 },
    { kind: 'wide_tail' },
    aluReg('xor', 0, 3),
  ]),
  divisions: repeated(START, (round) => [
    { kind: 'alu', op: round % 2 === 0 ? 'sdiv' : 'smod', width: round % 3 === 0 ? 32 : 64, dst: 0, src: { reg: 7 } },
    alu('add', 0, 99999),
  ]),
  swaps: repeated(START, () => [{ kind: 'endian', op: 'be', bits: 64, dst: 0 }, alu('add', 0, 99)]),
  stores: repeated(START, (round) => [
    { kind: 'store', size: 8, base: 6, off: 8 * (round % 32), src: { reg: 0 } },
    { kind: 'atomic', op: 'add', size: 8, fetch: true, base: 6, off: 8 * (round % 31), src: 0 },
  ]),
  'stack slots': repeated(START, (round) => [
    { kind: 'store', size: 8, base: 10, off: -8 * (1 + (round % 64)), src: { reg: 0 } },
    alu('add', 0, round),
    { kind: 'load', size: 8, signed: false, dst: 0, base: 10, off: -8 * (1 + (round % 64)) },
  ]),
  rotations: repeated(START, (round) => [
    aluReg('mov', 3, 0),
    alu('lsh', 3, 1 + (round % 60)),
    alu('rsh', 0, 64 - 1 - (round % 60)),
    aluReg('or', 0, 3),
    alu('add', 0, 7),
  ]),
  'calls of helpers': repeated(START, () => [call(8), aluReg('add', 7, 0)]),
  'calls by register': repeated([...START, alu('mov', 8, 8)], () => [{ kind: 'callx', reg: 8 }]),
  'short blocks': repeated(START, (round) => [jump('eq', 0, round, 1), alu('add', 0, 1)]),
  'empty blocks': repeated(START, () => [jump('eq', 0, 1, 0)]),
  'small loops': repeated(START, () => [alu('add', 0, 1), jump('set', 0, 3, -2)]),
  may_goto: repeated(START, () => [{ kind: 'may_goto', off: 1 }, alu('add', 0, 3)]),
  nested,
  loops,
  staggered,
  backwards,
  functions,
  entries,
  table,
  nothing: repeated(START, () => [NOTHING]),
}
