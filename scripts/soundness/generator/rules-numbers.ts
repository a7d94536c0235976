/**
 * Rules for numbers: arithmetic of every kind, sources, bounds.
 * @module
 */
import type { AluOp, JumpOp } from '../../../src/isa/index.ts'
import { FRAME_POINTER, NUMBER } from './knowledge.ts'
import type { Rule, Writer } from './writer.ts'

const OPERATIONS: readonly AluOp[] = [
  'add',
  'add',
  'sub',
  'sub',
  'mul',
  'div',
  'sdiv',
  'or',
  'and',
  'xor',
  'mod',
  'smod',
]
const SHIFTS: readonly AluOp[] = ['lsh', 'rsh', 'arsh']

function constant(w: Writer): boolean {
  const dst = w.target()
  const imm = w.constant()
  if (w.chance(1, 4)) {
    const high = w.chance(1, 2) ? w.constant() : (w.random.u32() & 0xff) - 0x80
    w.code.constant(dst, imm, high)
    w.setNumber(dst)
    return true
  }
  w.code.alu('mov', dst, { imm }, w.chance(1, 3) ? 32 : 64)
  w.setNumber(dst, imm >= 0 ? imm : undefined)
  return true
}

function arithmetic(w: Writer): boolean {
  const dst = w.number()
  const width = w.chance(2, 5) ? 32 : 64
  if (w.chance(1, 4)) {
    const op = w.pick(SHIFTS)
    const others = w.know.numbers.filter((reg) => reg !== dst)
    if (others.length > 0 && w.chance(1, 3)) {
      const by = w.pick(others)
      // A count that may be too large is no error; one that is known to fit is more interesting.
      if (w.chance(2, 3)) w.code.alu('and', by, { imm: width - 1 })
      w.setNumber(by)
      w.code.alu(op, dst, { reg: by }, width)
    } else w.code.alu(op, dst, { imm: w.random.below(width) }, width)
    w.setNumber(dst)
    return true
  }
  const op = w.pick(OPERATIONS)
  let src = w.operand()
  const divides = op === 'div' || op === 'sdiv' || op === 'mod' || op === 'smod'
  if (divides && 'imm' in src && src.imm === 0) src = { imm: 3 }
  w.code.alu(op, dst, src, width)
  w.setNumber(dst, op === 'and' && 'imm' in src && src.imm >= 0 ? src.imm : undefined)
  return true
}

function copy(w: Writer): boolean {
  const src = w.unknown()
  const dst = w.targetBut(src)
  const kind = w.random.below(6)
  const { regs } = w.know
  const from = regs[src]!
  if (kind < 3) {
    w.code.move(dst, src)
    regs[dst] = from
  } else if (kind === 3) {
    w.code.alu('mov', dst, { reg: src }, 32)
    w.setNumber(dst)
  } else {
    const width = w.chance(1, 2) ? 32 : 64
    const bits = w.pick(width === 64 ? ([8, 16, 32] as const) : ([8, 16] as const))
    w.code.push({ kind: 'movsx', width, bits, dst, src })
    w.setNumber(dst)
  }
  return true
}

function unary(w: Writer): boolean {
  const dst = w.number()
  if (w.chance(1, 2)) w.code.push({ kind: 'neg', width: w.chance(1, 2) ? 32 : 64, dst })
  else {
    w.code.push({
      kind: 'endian',
      op: w.pick(['le', 'be', 'bswap'] as const),
      bits: w.pick([16, 32, 64] as const),
      dst,
    })
  }
  w.setNumber(dst)
  return true
}

function contextNumber(w: Writer): boolean {
  if (!w.hasContext || w.flavour.contextNumbers.length === 0) return false
  const dst = w.target()
  w.code.load(4, dst, 6, w.pick(w.flavour.contextNumbers))
  w.setNumber(dst)
  if (w.chance(1, 3)) {
    // Two halves make a number of 64 bits.
    const other = w.targetBut(dst)
    w.code.load(4, other, 6, w.pick(w.flavour.contextNumbers))
    w.code.alu('lsh', dst, { imm: 32 })
    w.code.alu(w.chance(1, 2) ? 'or' : 'add', dst, { reg: other })
    w.setNumber(other)
  }
  return true
}

const NUMBER_HELPERS = [5, 7, 8] as const

function helperNumber(w: Writer): boolean {
  w.code.helper(w.pick(NUMBER_HELPERS))
  w.know.called(NUMBER)
  return true
}

/** Bounds a number: by a mask, a shift, or comparisons whose other way leaves the function. */
export function bound(w: Writer, reg: number, max: number): void {
  const { code } = w
  const kind = w.random.below(8)
  const mask = 2 ** Math.floor(Math.log2(max + 1)) - 1
  if (kind === 0) code.alu('and', reg, { imm: mask })
  else if (kind === 1) code.alu('and', reg, { imm: mask }, 32)
  else if (kind === 2 && mask > 0) {
    const bits = 32 - Math.clz32(mask)
    if (w.chance(1, 2)) code.alu('rsh', reg, { imm: 64 - bits })
    else code.alu('rsh', reg, { imm: 32 - bits }, 32)
  } else if (kind === 3) w.bail(compare(w, 'gt', reg, max, 64))
  else if (kind === 4) w.bail(compare(w, 'ge', reg, max + 1, 64))
  else if (kind === 5) {
    // Signed, from both sides.
    w.bail(compare(w, 'sgt', reg, max, 64))
    w.bail(compare(w, 'slt', reg, 0, 64))
  } else if (kind === 6) {
    code.alu('mov', reg, { reg }, 32)
    w.bail(compare(w, w.chance(1, 2) ? 'gt' : 'ge', reg, max, 32))
  } else {
    // Bounded from above by what is left over, from below by another register.
    const limit = w.targetBut(reg)
    code.set(limit, max)
    w.remember(max, 0)
    w.setNumber(limit, max)
    if (w.chance(2, 3)) lowerSometimes(w, limit, reg, max)
    w.bail(code.jump(w.chance(1, 2) ? 'gt' : 'ge', reg, { reg: limit }))
  }
  w.setNumber(reg, max)
}

/** The limit is less on one of two ways that meet before it is compared with. */
function lowerSometimes(w: Writer, limit: number, reg: number, max: number): void {
  const { code } = w
  const decides = w.know.numbers.filter((one) => one !== limit && one !== reg)
  const by = decides.length > 0 ? w.pick(decides) : reg
  const skip = compare(
    w,
    w.pick(['eq', 'ne', 'gt', 'lt', 'sgt', 'set'] as const),
    by,
    w.comparand(),
    w.chance(1, 3) ? 32 : 64,
  )
  code.set(limit, w.random.below(max + 1))
  code.land(skip)
}

function compare(w: Writer, op: JumpOp, reg: number, imm: number, width: 32 | 64): number {
  w.remember(imm, imm >> 31)
  return w.code.jump(op, reg, { imm }, width)
}

function boundNumber(w: Writer): boolean {
  const reg = w.unknown()
  bound(w, reg, w.pick([0, 1, 3, 7, 8, 15, 16, 31, 63, 255]))
  return true
}

/** A number stays linked to its copy: what is learnt of one, the other knows. */
function linked(w: Writer): boolean {
  const src = w.unknown()
  const dst = w.targetBut(src)
  w.code.move(dst, src)
  w.know.regs[dst] = NUMBER
  if (w.chance(1, 2)) {
    const distance = w.random.below(40) - 8
    const width = w.chance(1, 4) ? 32 : 64
    w.code.alu(distance < 0 ? 'sub' : 'add', dst, { imm: Math.abs(distance) }, width)
  }
  if (w.chance(1, 3)) {
    const slot = w.random.below(w.slots)
    w.code.store(8, FRAME_POINTER, -8 * (slot + 1), { reg: dst })
    w.know.stack[slot] = NUMBER
  }
  bound(w, w.chance(1, 2) ? src : dst, w.pick([1, 7, 15, 31, 63]))
  return true
}

/** The distance of two pointers into one object. */
function difference(w: Writer): boolean {
  const { know, code } = w
  const bases = know.memories
  if (bases.length === 0) return false
  const src = w.pick(bases)
  const dst = w.targetBut(src)
  code.move(dst, src)
  if (w.chance(1, 2)) code.alu('add', dst, { imm: w.random.below(16) })
  code.alu('sub', dst, { reg: src })
  know.regs[dst] = NUMBER
  return true
}

export const NUMBER_RULES: readonly Rule[] = [
  { name: 'constant', weight: 4, write: constant },
  { name: 'arithmetic', weight: 22, write: arithmetic },
  { name: 'copy, sign extension', weight: 6, write: copy },
  { name: 'negation, byte order', weight: 3, write: unary },
  { name: 'number from the context', weight: 6, write: contextNumber },
  { name: 'number from a helper', weight: 2, write: helperNumber },
  { name: 'bound', weight: 5, write: boundNumber },
  { name: 'linked numbers', weight: 3, write: linked },
  { name: 'difference of pointers', weight: 1, write: difference },
]
