/**
 * Instructions as the kernel's verifier prints them in its log: `(85) call bpf_map_lookup_elem#1`. Not the syntax of the
 * assembler: tools that read Linux logs know this one.
 * @see https://docs.kernel.org/bpf/verifier.html#understanding-ebpf-verifier-messages
 * @module
 */

import { instructionFields } from '../../isa/encoding.ts'
import { type Instruction, instructionRow } from '../../isa/index.ts'

/**
 * The fields of one encoded instruction; `imm2` is the immediate of a wide instruction's second slot.
 *
 *   code     src dst    off              imm
 *  +--------+----+----+----------------+--------------------------------+
 *  |   8    | 4  | 4  |    16, signed  |           32, signed           |
 *  +--------+----+----+----------------+--------------------------------+
 */
export interface EncodedFields {
  readonly code: number
  readonly dst: number
  readonly src: number
  readonly off: number
  readonly imm: number
  readonly imm2: number
}

/** Names that an instruction holds only as a number. */
export interface InsnNames {
  /** Of a helper, without `bpf_`. */
  readonly helper?: (id: number) => string | undefined
  /** Of the kernel function that is called. */
  readonly kfunc?: string
}

const ALU_OPERATORS: readonly string[] = [
  '+=',
  '-=',
  '*=',
  '/=',
  '|=',
  '&=',
  '<<=',
  '>>=',
  'neg',
  '%=',
  '^=',
  '=',
  's>>=',
]
const JUMP_OPERATORS: readonly (string | undefined)[] = [
  undefined,
  '==',
  '>',
  '>=',
  '&',
  '!=',
  's>',
  's>=',
  undefined,
  undefined,
  '<',
  '<=',
  's<',
  's<=',
]
const SIZES: readonly string[] = ['u32', 'u16', 'u8', 'u64']
const SIGNED_SIZES: readonly string[] = ['s32', 's16', 's8', 's64']
const CLASSES: readonly string[] = ['ld', 'ldx', 'st', 'stx', 'alu', 'jmp', 'jmp32', 'alu64']
const ATOMIC_NAMES: ReadonlyMap<number, string> = new Map([
  [0x00, 'add'],
  [0x40, 'or'],
  [0x50, 'and'],
  [0xa0, 'xor'],
])
const FETCH = 0x01
const XCHG = 0xe1
const CMPXCHG = 0xf1
const LOAD_ACQUIRE = 0x100
const STORE_RELEASE = 0x110
/** The offset of a move from a register: which sign extension it is. */
const MOVE_EXTENSIONS: ReadonlyMap<number, string> = new Map([
  [8, '(s8)'],
  [16, '(s16)'],
  [32, '(s32)'],
])

/** `(07) r1 += -8`: without slot number and line break. A `wide_tail` has nothing to print. */
export function formatLinuxInsn(insn: Instruction, names: InsnNames = {}): string {
  const fields = encodedFields(insn)
  return fields === undefined ? '(00)' : formatLinuxFields(fields, names)
}

/** How it is encoded, with the fields that its row fixes. */
export function encodedFields(insn: Instruction): EncodedFields | undefined {
  const row = instructionRow(insn)
  if (row === undefined || insn.kind === 'wide_tail') return undefined
  const given = instructionFields(insn)
  return {
    code: row.opcode,
    dst: typeof row.dst === 'number' ? row.dst : given.dst,
    src: typeof row.src === 'number' ? row.src : given.src,
    off: typeof row.off === 'number' ? row.off : given.off,
    imm: typeof row.imm === 'number' ? row.imm : given.imm,
    imm2: given.imm2,
  }
}

/** The fields of 8 bytes (16 for a wide instruction), whether they mean an instruction or not. */
export function fieldsOfBytes(bytes: Uint8Array, little = true): EncodedFields {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const registers = view.getUint8(1)
  return {
    code: view.getUint8(0),
    dst: little ? registers & 0xf : registers >> 4,
    src: little ? registers >> 4 : registers & 0xf,
    off: view.getInt16(2, little),
    imm: view.getInt32(4, little),
    imm2: bytes.length >= 16 ? view.getInt32(12, little) : 0,
  }
}

/** As {@link formatLinuxInsn}, of any encoding: also of one that the verifier is about to refuse. */
export function formatLinuxFields(insn: EncodedFields, names: InsnNames = {}): string {
  const code = insn.code.toString(16).padStart(2, '0')
  const text = body(insn, names)
  return text.startsWith('BUG_') ? `${text}${code}` : `(${code}) ${text}`
}

function body(insn: EncodedFields, names: InsnNames): string {
  switch (insn.code & 7) {
    case 0:
      return load(insn)
    case 1:
      return loadFromRegister(insn)
    case 2:
      return storeImmediate(insn)
    case 3:
      return storeRegister(insn)
    case 5:
    case 6:
      return jump(insn, names)
    default:
      return alu(insn)
  }
}

function alu({ code, dst, src, off, imm }: EncodedFields): string {
  const wide = (code & 7) === 7
  const operation = code >> 4
  const letter = wide ? 'r' : 'w'
  const fromRegister = (code & 8) !== 0
  if (operation === 0xd) {
    const order = wide ? 'bswap' : fromRegister ? 'be' : 'le'
    return `r${dst} = ${order}${imm} r${dst}`
  }
  if (operation === 8) return `${letter}${dst} = -${letter}${dst}`
  if (code === 0xbf && off === 1) {
    return `r${dst} = addr_space_cast(r${src}, ${imm >>> 16}, ${imm & 0xffff})`
  }
  const signed = off === 1 && (operation === 3 || operation === 9)
  const operator = `${signed ? 's' : ''}${ALU_OPERATORS[operation] ?? '(null)'}`
  if (!fromRegister) return `${letter}${dst} ${operator} ${imm}`
  const extension = operation === 0xb ? (MOVE_EXTENSIONS.get(off) ?? '') : ''
  return `${letter}${dst} ${operator} ${extension}${letter}${src}`
}

function storeRegister({ code, dst, src, off, imm }: EncodedFields): string {
  const size = SIZES[(code >> 3) & 3]!
  const place = `*(${size} *)(r${dst} ${signedNumber(off)})`
  if (code >> 5 === 3) return `${place} = r${src}`
  if (code >> 5 !== 6) return 'BUG_'
  const pointer = `(${size} *)(r${dst} ${signedNumber(off)})`
  const width = size === 'u64' ? '64' : ''
  const plain = ATOMIC_NAMES.get(imm)
  if (plain !== undefined) return `lock ${place} ${ALU_OPERATORS[imm >> 4]} r${src}`
  const fetched = (imm & FETCH) === 0 ? undefined : ATOMIC_NAMES.get(imm & ~FETCH)
  if (fetched !== undefined) return `r${src} = atomic${width}_fetch_${fetched}(${pointer}, r${src})`
  switch (imm) {
    case CMPXCHG:
      return `r0 = atomic${width}_cmpxchg(${pointer}, r0, r${src})`
    case XCHG:
      return `r${src} = atomic${width}_xchg(${pointer}, r${src})`
    case LOAD_ACQUIRE:
      return `r${dst} = load_acquire((${size} *)(r${src} ${signedNumber(off)}))`
    case STORE_RELEASE:
      return `store_release(${pointer}, r${src})`
    default:
      return 'BUG_'
  }
}

function storeImmediate({ code, dst, off, imm }: EncodedFields): string {
  if (code >> 5 !== 3) return 'BUG_st_'
  return `*(${SIZES[(code >> 3) & 3]} *)(r${dst} ${signedNumber(off)}) = ${imm}`
}

function loadFromRegister({ code, dst, src, off }: EncodedFields): string {
  const mode = code >> 5
  if (mode !== 3 && mode !== 4) return 'BUG_ldx_'
  const size = (mode === 3 ? SIZES : SIGNED_SIZES)[(code >> 3) & 3]
  return `r${dst} = *(${size} *)(r${src} ${signedNumber(off)})`
}

function load({ code, dst, src, imm, imm2 }: EncodedFields): string {
  const size = SIZES[(code >> 3) & 3]
  switch (code >> 5) {
    case 1:
      return `r0 = *(${size} *)skb[${imm}]`
    case 2:
      return `r0 = *(${size} *)skb[r${src} + ${imm}]`
    case 0:
      // The address of a map or of a kernel object: there is none here, and the kernel does not tell it to everybody.
      if (code === 0x18) return `r${dst} = 0x${src === 0 || src === 4 ? hex64(imm, imm2) : '0'}`
      return 'BUG_ld_'
    default:
      return 'BUG_ld_'
  }
}

function jump({ code, dst, src, off, imm }: EncodedFields, names: InsnNames): string {
  const operation = code >> 4
  if (operation === 8) return call(src, imm, names)
  if (code === 0x05) return `goto pc${signedNumber(off)}`
  if (code === 0x0d) return `gotox r${dst}`
  if (code === 0x06) return `gotol pc${signedNumber(imm)}`
  if (code === 0xe5 && src === 0) return `may_goto pc${signedNumber(off)}`
  if (code === 0x95) return 'exit'
  const operator = JUMP_OPERATORS[operation]
  if (operator === undefined) return CLASSES[code & 7]!
  const letter = (code & 7) === 6 ? 'w' : 'r'
  const right = (code & 8) !== 0 ? `${letter}${src}` : `0x${(imm >>> 0).toString(16)}`
  return `if ${letter}${dst} ${operator} ${right} goto pc${signedNumber(off)}`
}

const LOCAL_CALL = 1
const KERNEL_CALL = 2

function call(src: number, imm: number, names: InsnNames): string {
  if (src === LOCAL_CALL) return `call pc${signedNumber(imm)}`
  if (src === KERNEL_CALL) return `call ${names.kfunc ?? 'kernel-function'}#${imm}`
  return `call ${src === 0 ? linuxHelperName(imm, names) : 'unknown'}#${imm}`
}

/** `bpf_map_lookup_elem`, or `unknown`. */
function linuxHelperName(id: number, names: InsnNames): string {
  if (id === 0) return 'bpf_unspec'
  const name = names.helper?.(id)
  return name === undefined ? 'unknown' : `bpf_${name}`
}

function signedNumber(value: number): string {
  return value < 0 ? String(value) : `+${value}`
}

function hex64(low: number, high: number): string {
  const lower = (low >>> 0).toString(16)
  return high === 0 ? lower : (high >>> 0).toString(16) + lower.padStart(8, '0')
}
