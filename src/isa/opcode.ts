/**
 * The bits of the opcode byte: instruction classes and what the remaining five bits mean in each.
 * @see https://www.rfc-editor.org/rfc/rfc9669#section-3
 * @module
 */

/** Length of one encoding slot, in bytes. A wide instruction takes two. */
export const SLOT_BYTES = 8

/** The highest register number: r10, the frame pointer. */
export const MAX_REGISTER = 10

/*
 *   msb      lsb
 *  +-----+---+
 *  |  ?? |cls|   class: the three low bits of every opcode (RFC 9669, section 3.3)
 *  +-----+---+
 *     5    3
 */
export const CLASS_MASK = 0x07
export const CLASS = {
  LD: 0x00,
  LDX: 0x01,
  ST: 0x02,
  STX: 0x03,
  ALU: 0x04,
  JMP: 0x05,
  JMP32: 0x06,
  ALU64: 0x07,
} as const

/*
 *   msb        lsb
 *  +----+-+---+
 *  |code|s|cls|   ALU, ALU64, JMP, JMP32 (section 4)
 *  +----+-+---+
 *     4  1  3
 */
export const CODE_MASK = 0xf0
export const SOURCE_MASK = 0x08
export const SOURCE = { K: 0x00, X: 0x08 } as const

export const ALU_CODE = {
  ADD: 0x00,
  SUB: 0x10,
  MUL: 0x20,
  DIV: 0x30,
  OR: 0x40,
  AND: 0x50,
  LSH: 0x60,
  RSH: 0x70,
  NEG: 0x80,
  MOD: 0x90,
  XOR: 0xa0,
  MOV: 0xb0,
  ARSH: 0xc0,
  END: 0xd0,
} as const

export const JUMP_CODE = {
  JA: 0x00,
  JEQ: 0x10,
  JGT: 0x20,
  JGE: 0x30,
  JSET: 0x40,
  JNE: 0x50,
  JSGT: 0x60,
  JSGE: 0x70,
  CALL: 0x80,
  EXIT: 0x90,
  JLT: 0xa0,
  JLE: 0xb0,
  JSLT: 0xc0,
  JSLE: 0xd0,
  /** Not in RFC 9669: Linux 6.9, `may_goto`. */
  JCOND: 0xe0,
} as const

/*
 *   msb        lsb
 *  +---+--+---+
 *  |mde|sz|cls|   LD, LDX, ST, STX (section 5)
 *  +---+--+---+
 *    3   2  3
 */
export const MODE_MASK = 0xe0
export const MODE = {
  IMM: 0x00,
  ABS: 0x20,
  IND: 0x40,
  MEM: 0x60,
  MEMSX: 0x80,
  ATOMIC: 0xc0,
} as const

export const SIZE_MASK = 0x18
/** The size bits by the number of bytes accessed. */
export const SIZE_BITS = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 } as const

/*
 *   msb               lsb
 *  +-------+----+---+-+
 *  |   0   | op | 0 |f|   imm of an atomic instruction; f: fetch, return the old value (section 5.3)
 *  +-------+----+---+-+
 *     24     4    3  1
 */
export const ATOMIC_FETCH = 0x01
export const ATOMIC_CODE = { add: 0x00, or: 0x40, and: 0x50, xor: 0xa0, xchg: 0xe0, cmpxchg: 0xf0 } as const
/** Not in RFC 9669: Linux 6.15. */
export const LOAD_ACQUIRE = 0x100
/** Not in RFC 9669: Linux 6.15. */
export const STORE_RELEASE = 0x110

/*
 *   msb              lsb
 *  +--------+--------+
 *  |   to   |  from  |   imm of addr_space_cast: the two address spaces (Linux 6.9)
 *  +--------+--------+
 *      16       16
 */
export function castSpaces(imm: number): { readonly to: number; readonly from: number } {
  return { to: imm >>> 16, from: imm & 0xffff }
}

export function castImmediate(to: number, from: number): number {
  return (to << 16) | from
}
