/**
 * Programs of any length to measure compiling with: one kind for each thing that code is made of, and one of all of them, about as
 * a parser of packets with counters has them. All end, and read and write nothing but what r1 leads to, their frame and a map.
 * @module
 */
import type { AluOp, Instruction, JumpOp } from '../../src/isa/index.ts'

/** Bytes that r1 leads to. */
export const MEMORY_BYTES = 1024
/** Of the elements of the map, which is an array; keys are 4 bytes. */
export const VALUE_BYTES = 16
const LOOKUP = 1

const EXIT: Instruction = { kind: 'exit' }

const alu = (op: AluOp, dst: number, imm: number, width: 32 | 64 = 64): Instruction => {
  return { kind: 'alu', op, width, dst, src: { imm } }
}
const aluReg = (op: AluOp, dst: number, reg: number, width: 32 | 64 = 64): Instruction => {
  return { kind: 'alu', op, width, dst, src: { reg } }
}
const jump = (op: JumpOp, dst: number, imm: number, off: number): Instruction => {
  return { kind: 'jump', op, width: 64, dst, src: { imm }, off }
}
const load = (size: 1 | 2 | 4 | 8, dst: number, base: number, off: number): Instruction => {
  return { kind: 'load', size, signed: false, dst, base, off }
}
const store = (size: 1 | 2 | 4 | 8, base: number, off: number, reg: number): Instruction => {
  return { kind: 'store', size, base, off, src: { reg } }
}

/** The part of a program with a number; `map`: the address of the map. */
type Part = (round: number, map: number) => readonly Instruction[]

const arithmetic: Part = (round) => [
  alu('add', 0, round),
  aluReg('mov', 3, 0, 32),
  alu('lsh', 3, 7),
  aluReg('xor', 0, 3),
  alu('rsh', 3, 20),
  aluReg('mul', 0, 7),
  aluReg('sub', 3, 0),
  alu('and', 3, 0x7fff_fff0),
  aluReg('or', 0, 3),
  alu('mov', 4, round, 32),
  aluReg('add', 0, 4),
]

const shortBlocks: Part = (round) => [jump('eq', 0, round, 1), alu('add', 0, 1)]

const DEPTH = 6

/** Each way of a conditional has a conditional in it, and the ways meet again. */
const diamonds: Part = (round) => {
  let inner: Instruction[] = [alu('add', 0, round)]
  for (let level = 0; level < DEPTH; level++) {
    const other = [alu('xor', 0, 7 * level), load(4, 3, 6, 4 * level), aluReg('add', 0, 3)]
    inner = [
      jump('gt', 0, 1000 * level + round, inner.length + 1),
      ...inner,
      { kind: 'goto', off: other.length, wide: false },
      ...other,
      alu('add', 0, level),
    ]
  }
  return inner
}

/** One loop in another. */
const loops: Part = (round) => [
  alu('mov', 8, 0),
  alu('mov', 9, 0),
  aluReg('add', 0, 9),
  alu('add', 9, 1),
  jump('lt', 9, 3, -3),
  aluReg('xor', 0, 8),
  alu('add', 8, 1 + (round & 1)),
  jump('lt', 8, 2, -7),
]

const memory: Part = (round) => [
  load(8, 3, 6, 8 * (round % 100)),
  store(8, 10, -8 - 8 * (round % 40), 3),
  aluReg('mov', 4, 6),
  alu('add', 4, round % 64),
  load(2, 5, 4, 14),
  alu('and', 5, 0xff),
  aluReg('add', 4, 5),
  load(1, 3, 4, 2),
  aluReg('add', 0, 3),
  store(4, 4, 8, 0),
  load(8, 3, 10, -8 - 8 * (round % 40)),
  aluReg('xor', 0, 3),
]

const maps: Part = (round, map) => [
  { kind: 'store', size: 4, base: 10, off: -4, src: { imm: round % 8 } },
  aluReg('mov', 8, 0),
  aluReg('mov', 2, 10),
  alu('add', 2, -4),
  { kind: 'lddw', source: 'imm64', dst: 1, imm: map, imm2: 0 },
  { kind: 'wide_tail' },
  { kind: 'call', target: 'helper', imm: LOOKUP, off: 0 },
  jump('eq', 0, 0, 5),
  load(8, 3, 0, 0),
  alu('add', 3, 1),
  store(8, 0, 0, 3),
  { kind: 'atomic', op: 'add', size: 8, fetch: false, base: 0, off: 8, src: 3 },
  aluReg('add', 8, 3),
  aluReg('mov', 0, 8),
]

/** What a C compiler makes of reading a header: a bound, fields, byte order, a decision, a spill. */
const header: Part = (round) => [
  aluReg('mov', 2, 6),
  alu('add', 2, 14 + (round % 20)),
  { kind: 'jump', op: 'gt', width: 64, dst: 2, src: { reg: 9 }, off: 13 },
  load(2, 3, 6, 12),
  { kind: 'endian', op: 'be', bits: 16, dst: 3 },
  jump('ne', 3, 0x800, 2),
  load(1, 4, 2, 9),
  aluReg('add', 0, 4),
  load(1, 4, 2, 0),
  alu('lsh', 4, 2),
  alu('and', 4, 0x3c),
  aluReg('add', 2, 4),
  load(4, 5, 2, 4),
  store(8, 10, -24 - 8 * (round % 6), 5),
  alu('lsh', 5, 32),
  alu('rsh', 5, 32),
]

const PARTS: Readonly<Record<string, readonly Part[]>> = {
  arithmetic: [arithmetic],
  'short blocks': [shortBlocks],
  diamonds: [diamonds],
  loops: [loops],
  memory: [memory],
  maps: [maps],
  mixed: [header, maps, header, arithmetic, header, diamonds, memory, header, loops],
}

const START: readonly Instruction[] = [
  alu('mov', 0, 1),
  aluReg('mov', 6, 1),
  alu('mov', 7, 3),
  aluReg('mov', 9, 1),
  alu('add', 9, MEMORY_BYTES),
]

/** Parts of a function of its own each; the program calls them one after the other. */
const PARTS_PER_FUNCTION = 3

/** By name of the kind: a program of at most `count` instructions, and nearly as many. */
export const COMPILE_KINDS: Readonly<Record<string, (count: number, map: number) => Instruction[]>> = {
  ...Object.fromEntries(
    Object.entries(PARTS).map(([name, parts]) => [
      name,
      (count: number, map: number) => {
        const insns = [...START]
        for (let round = 0; ; round++) {
          const part = parts[round % parts.length]!(round, map)
          if (insns.length + part.length + 1 > count) break
          insns.push(...part)
        }
        return [...insns, EXIT]
      },
    ]),
  ),
  calls: (count, map) => {
    const bodies: Instruction[][] = []
    let room = count - 1
    for (let round = 0; ; round += PARTS_PER_FUNCTION) {
      const body = [...START]
      for (let i = 0; i < PARTS_PER_FUNCTION; i++) body.push(...PARTS['mixed']![(round + i) % 9]!(round + i, map))
      body.push(EXIT)
      if (body.length + 2 > room) break
      room -= body.length + 2
      bodies.push(body)
    }
    const first: Instruction[] = [aluReg('mov', 6, 1)]
    let entry = 2 * bodies.length + 2
    for (const body of bodies) {
      first.push(aluReg('mov', 1, 6))
      first.push({ kind: 'call', target: 'local', imm: entry - first.length - 1, off: 0 })
      entry += body.length
    }
    return [...first, EXIT, ...bodies.flat()]
  },
}
