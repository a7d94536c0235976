/**
 * A BPF instruction, decoded: a closed union to switch on by `kind`.
 *
 * A program is an array of these, *indexed by slot*, as the kernel and every tool number instructions: a wide
 * instruction (`lddw`) takes two slots, and the second one holds a {@link WideTail}. So a branch at slot `i` with offset
 * `off` goes to slot `i + 1 + off`, and BTF line info needs no translation.
 *
 * Immediates are signed 32-bit numbers, offsets signed 16-bit, as they are encoded; what an operation makes of them
 * (sign extension above all) is said by RFC 9669, section 4.
 * @see https://www.rfc-editor.org/rfc/rfc9669
 * @module
 */

/** Register number, 0 to 10 (r10 is the frame pointer). 11 appears in no valid program. */
export type Register = number

/** The second operand of most operations. */
export type Operand = { readonly reg: Register } | { readonly imm: number }

export type AluOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'sdiv'
  | 'or'
  | 'and'
  | 'lsh'
  | 'rsh'
  | 'mod'
  | 'smod'
  | 'xor'
  | 'mov'
  | 'arsh'

export type JumpOp = 'eq' | 'gt' | 'ge' | 'set' | 'ne' | 'sgt' | 'sge' | 'lt' | 'le' | 'slt' | 'sle'

export type AtomicOp = 'add' | 'or' | 'and' | 'xor' | 'xchg' | 'cmpxchg'

/** Bytes of a memory access. */
export type AccessSize = 1 | 2 | 4 | 8

/** `dst = dst op src`; width 32 works on the lower halves and zeroes the upper one of `dst`. */
export interface AluInsn {
  readonly kind: 'alu'
  readonly op: AluOp
  readonly width: 32 | 64
  readonly dst: Register
  readonly src: Operand
}

export interface NegInsn {
  readonly kind: 'neg'
  readonly width: 32 | 64
  readonly dst: Register
}

/** `dst = (s8|s16|s32)src`; `bits` is the width of the source that is sign-extended (32 only to width 64). */
export interface MovsxInsn {
  readonly kind: 'movsx'
  readonly width: 32 | 64
  readonly bits: 8 | 16 | 32
  readonly dst: Register
  readonly src: Register
}

/** Conversion between address spaces (arena): `dst = addr_space_cast(src, to, from)`. */
export interface AddrSpaceCastInsn {
  readonly kind: 'addr_space_cast'
  readonly dst: Register
  readonly src: Register
  readonly to: number
  readonly from: number
}

/** `le`, `be`: to that byte order and truncate to `bits`; `bswap`: always swap, and truncate. */
export interface EndianInsn {
  readonly kind: 'endian'
  readonly op: 'le' | 'be' | 'bswap'
  readonly bits: 16 | 32 | 64
  readonly dst: Register
}

/** `dst = *(size *)(base + off)`, sign-extended if `signed`. */
export interface LoadInsn {
  readonly kind: 'load'
  readonly size: AccessSize
  readonly signed: boolean
  readonly dst: Register
  readonly base: Register
  readonly off: number
}

/** `*(size *)(base + off) = src`. */
export interface StoreInsn {
  readonly kind: 'store'
  readonly size: AccessSize
  readonly base: Register
  readonly off: number
  readonly src: Operand
}

/** Atomic read-modify-write. `fetch` is always true for `xchg` and `cmpxchg` (which compares with, and returns in, r0). */
export interface AtomicInsn {
  readonly kind: 'atomic'
  readonly op: AtomicOp
  readonly size: AccessSize
  readonly fetch: boolean
  readonly base: Register
  readonly off: number
  readonly src: Register
}

/** `dst = load_acquire((size *)(base + off))`. */
export interface LoadAcquireInsn {
  readonly kind: 'load_acquire'
  readonly size: AccessSize
  readonly dst: Register
  readonly base: Register
  readonly off: number
}

/** `store_release((size *)(base + off), src)`. */
export interface StoreReleaseInsn {
  readonly kind: 'store_release'
  readonly size: AccessSize
  readonly base: Register
  readonly off: number
  readonly src: Register
}

/** Legacy packet access: `r0 = *(size *)skb[imm]` or `skb[src + imm]`, from network byte order. `src` only for `ind`. */
export interface LoadPacketInsn {
  readonly kind: 'load_packet'
  readonly mode: 'abs' | 'ind'
  readonly size: 1 | 2 | 4
  readonly src: Register
  readonly imm: number
}

/** What the 64 bits of an `lddw` mean: its src field, 0 to 6 (RFC 9669, section 5.4). */
export type LddwSource = 'imm64' | 'map_fd' | 'map_value' | 'var_addr' | 'code_addr' | 'map_idx' | 'map_idx_value'

/** Wide load: `imm` is the first slot's immediate (low half), `imm2` the second's (high half). */
export interface LddwInsn {
  readonly kind: 'lddw'
  readonly source: LddwSource
  readonly dst: Register
  readonly imm: number
  readonly imm2: number
}

/** The second slot of an {@link LddwInsn}; its immediate is kept in the first. */
export interface WideTail {
  readonly kind: 'wide_tail'
}

/** `if dst op src goto +off`; width 32 compares the lower halves. */
export interface JumpInsn {
  readonly kind: 'jump'
  readonly op: JumpOp
  readonly width: 32 | 64
  readonly dst: Register
  readonly src: Operand
  readonly off: number
}

/** `goto +off`; `wide` is the 32-bit form (`gotol`), whose offset is in the immediate. */
export interface GotoInsn {
  readonly kind: 'goto'
  readonly wide: boolean
  readonly off: number
}

/** `gotox dst`: jump to an address taken from an instruction array. */
export interface GotoIndirectInsn {
  readonly kind: 'goto_indirect'
  readonly dst: Register
}

/** `may_goto +off`: falls through until a hidden per-frame budget is used up, then jumps. */
export interface MayGotoInsn {
  readonly kind: 'may_goto'
  readonly off: number
}

/**
 * `call`. `helper`: imm is the helper's static id. `local`: a BPF function, imm slots after the next instruction.
 * `kfunc`: imm is a BTF id (RFC: "helper function by BTF ID"), `off` the index of its BTF (module), else 0.
 */
export interface CallInsn {
  readonly kind: 'call'
  readonly target: 'helper' | 'local' | 'kfunc'
  readonly imm: number
  readonly off: number
}

/** `callx reg`: call a function through a register. */
export interface CallRegisterInsn {
  readonly kind: 'callx'
  readonly reg: Register
}

export interface ExitInsn {
  readonly kind: 'exit'
}

export type Instruction =
  | AluInsn
  | NegInsn
  | MovsxInsn
  | AddrSpaceCastInsn
  | EndianInsn
  | LoadInsn
  | StoreInsn
  | AtomicInsn
  | LoadAcquireInsn
  | StoreReleaseInsn
  | LoadPacketInsn
  | LddwInsn
  | WideTail
  | JumpInsn
  | GotoInsn
  | GotoIndirectInsn
  | MayGotoInsn
  | CallInsn
  | CallRegisterInsn
  | ExitInsn

export type InstructionKind = Instruction['kind']
