/**
 * Rules that compute: every operation on anything, and the sequences that a compiler may see through.
 * @module
 */
import { ALU_OPS, type Rule, type Writer } from './writer.ts'

function alu(w: Writer): void {
  const dst = w.target()
  w.code.alu(w.pick(ALU_OPS), dst, w.operand(), w.width())
  w.number(dst)
}

/** Divisors and dividends at which machines trap. */
function divide(w: Writer): void {
  const dst = w.target()
  const src = w.target(dst)
  const width = w.width()
  const op = w.pick(['div', 'sdiv', 'mod', 'smod'] as const)
  if (w.chance(1, 2)) {
    if (width === 32) w.code.alu('mov', dst, { imm: -2147483648 }, w.width())
    else w.code.constant(dst, 0, -2147483648)
    w.number(dst)
  }
  const divisor = w.pick([0, 0, -1, -1, 1, 2, 7, -2147483648, 0x7fffffff])
  if (w.chance(1, 3)) w.code.alu(op, dst, { imm: divisor }, width)
  else {
    if (w.chance(1, 3)) w.code.constant(src, 0, divisor)
    else w.code.alu('mov', src, { imm: divisor }, w.width())
    w.number(src)
    w.code.alu(op, dst, { reg: src }, width)
  }
  w.number(dst)
}

function shift(w: Writer): void {
  const dst = w.target()
  const op = w.pick(['lsh', 'rsh', 'arsh'] as const)
  const width = w.width()
  if (w.chance(1, 2)) w.code.alu(op, dst, { imm: w.pick([0, 1, 8, 16, 31, 32, 33, 48, 63, 64, 65, 255, -1]) }, width)
  else {
    const src = w.target(dst)
    w.code.set(src, w.pick([0, 1, 31, 32, 33, 63, 64, 65, 127, -1, -32]))
    w.number(src)
    w.code.alu(op, dst, { reg: src }, width)
  }
  w.number(dst)
}

/** The upper half goes, or becomes the sign. */
function extend(w: Writer): void {
  const dst = w.target()
  const bits = w.pick([32, 32, 48, 56, 24])
  w.code.alu('lsh', dst, { imm: bits })
  w.code.alu(w.pick(['rsh', 'arsh'] as const), dst, { imm: w.chance(7, 8) ? bits : 16 })
  w.number(dst)
}

/** `a = x << k; b = x >> (n - k); a | b`: a rotation, or nearly one. */
function rotate(w: Writer): void {
  const width = w.width()
  const x = w.source()
  const a = w.target(x)
  const b = w.target(a)
  const count = w.between(1, width - 1)
  const left = w.chance(1, 2)
  const other = w.chance(1, 6) ? w.between(0, width) : width - count
  const right = w.chance(1, 8) ? 'arsh' : 'rsh'
  w.code.alu('mov', a, { reg: x }, width)
  w.code.alu(left ? 'lsh' : right, a, { imm: count }, width)
  if (b !== x) w.code.alu('mov', b, { reg: w.chance(1, 6) ? w.source() : x }, w.chance(1, 6) ? w.width() : width)
  if (w.chance(1, 6)) alu(w)
  w.code.alu(left ? right : 'lsh', b, { imm: other }, width)
  const join = w.pick(['or', 'or', 'xor', 'add'] as const)
  if (w.chance(1, 2)) w.code.alu(join, a, { reg: b }, width)
  else w.code.alu(join, b, { reg: a }, width)
  w.number(a)
  w.number(b)
}

/** Bytes exchanged with shifts and masks: two or four of them. */
function swapByShifts(w: Writer): void {
  const x = w.target()
  const result = w.target(x)
  const part = w.target(x, result)
  const bytes = w.pick([2, 2, 4, 8])
  const width = bytes === 8 ? 64 : w.width()
  w.code.alu('mov', result, { imm: 0 }, width)
  for (let i = 0; i < bytes; i++) {
    w.code.alu('mov', part, { reg: x }, width)
    if (i > 0) w.code.alu('rsh', part, { imm: 8 * i }, width)
    w.code.alu('and', part, { imm: w.chance(1, 10) ? 0x7f : 0xff }, width)
    const to = w.chance(1, 12) ? i : bytes - 1 - i
    if (to > 0) w.code.alu('lsh', part, { imm: 8 * to }, width)
    w.code.alu('or', result, { reg: part }, width)
  }
  for (const reg of [x, result, part]) w.number(reg)
}

export const NUMBER_RULES: readonly Rule[] = [
  { name: 'arithmetic', weight: 30, write: alu },
  { name: 'division', weight: 5, write: divide },
  { name: 'shift', weight: 5, write: shift },
  { name: 'extension', weight: 3, write: extend },
  { name: 'rotation', weight: 3, write: rotate },
  { name: 'byte swap by shifts', weight: 2, write: swapByShifts },
  {
    name: 'negation',
    weight: 3,
    write: (w) => {
      const dst = w.target()
      w.code.push({ kind: 'neg', width: w.width(), dst })
      w.number(dst)
    },
  },
  {
    name: 'sign extension',
    weight: 7,
    write: (w) => {
      const dst = w.target()
      const bits = w.pick([8, 16, 32] as const)
      w.code.push({ kind: 'movsx', width: bits === 32 ? 64 : w.width(), bits, dst, src: w.source() })
      w.number(dst)
    },
  },
  {
    name: 'byte order',
    weight: 8,
    write: (w) => {
      const dst = w.target()
      w.code.push({
        kind: 'endian',
        op: w.pick(['le', 'be', 'bswap'] as const),
        bits: w.pick([16, 32, 64] as const),
        dst,
      })
      w.number(dst)
    },
  },
  {
    name: 'wide constant',
    weight: 4,
    write: (w) => {
      const dst = w.target()
      w.code.constant(dst, w.constant(), w.constant())
      w.number(dst)
    },
  },
  {
    name: 'cast of an address',
    weight: 2,
    write: (w) => {
      const dst = w.target()
      const src = w.source()
      const kind = w.pointerIn(src)
      w.code.push({
        kind: 'addr_space_cast',
        dst,
        src,
        ...w.pick([
          { to: 0, from: 1 },
          { to: 1, from: 0 },
        ]),
      })
      // Near what it points to, an address has no upper half.
      w.know.regs[dst] = kind !== undefined && Math.abs(kind.low) < 32768 ? kind : undefined
    },
  },
  {
    name: 'copy',
    weight: 5,
    write: (w) => {
      const dst = w.target()
      const src = w.source()
      w.code.move(dst, src)
      w.know.regs[dst] = w.pointerIn(src)
    },
  },
]
