/**
 * The instruction table: one row for each encoding, from which decoder, encoder, assembler, disassembler, conformance
 * groups and documents are derived.
 *
 * Written from RFC 9669; what Linux and clang have beyond it, from their public documentation, stands in groups of its
 * own. A new instruction is one row here (and one semantic line in each engine).
 *
 * @see https://www.rfc-editor.org/rfc/rfc9669
 * @see https://docs.kernel.org/bpf/standardization/instruction-set.html
 * @module
 */

import type { InstructionGroup } from './groups.ts'
import type { AccessSize, AluOp, AtomicOp, JumpOp, LddwSource } from './instruction.ts'
import type { InstructionRow } from './instruction-row.ts'
import {
  ALU_CODE,
  ATOMIC_CODE,
  ATOMIC_FETCH,
  CLASS,
  JUMP_CODE,
  LOAD_ACQUIRE,
  MODE,
  SIZE_BITS,
  SOURCE,
  STORE_RELEASE,
} from './opcode.ts'

const RFC = 'RFC 9669'
const WIDTHS = [32, 64] as const
const FORMS = ['imm', 'reg'] as const
const SIZES = [1, 2, 4, 8] as const
const SIZE_SUFFIX = { 1: 'b', 2: 'h', 4: 'w', 8: 'dw' } as const

const registerForm = (width: 32 | 64): 'r' | 'w' => (width === 64 ? 'r' : 'w')
const immediateForm = (width: 32 | 64): 'imm' | 'imm32' => (width === 64 ? 'imm' : 'imm32')
/** Values shorter than 64 bits are printed in the lower half of a register; the assembler takes either name. */
const valueForms = (size: AccessSize): readonly ('r' | 'w')[] => (size === 8 ? ['r'] : ['w', 'r'])
const sizeGroup = (size: AccessSize): InstructionGroup => (size === 8 ? 'base64' : 'base32')

interface AluFamily {
  readonly op: AluOp
  readonly code: number
  readonly off: number
  readonly operator: string
  readonly divmul: boolean
  readonly result: string
}

const ALU: readonly AluFamily[] = [
  { op: 'add', code: ALU_CODE.ADD, off: 0, operator: '+=', divmul: false, result: 'dst + $' },
  { op: 'sub', code: ALU_CODE.SUB, off: 0, operator: '-=', divmul: false, result: 'dst - $' },
  { op: 'mul', code: ALU_CODE.MUL, off: 0, operator: '*=', divmul: true, result: 'dst * $' },
  { op: 'div', code: ALU_CODE.DIV, off: 0, operator: '/=', divmul: true, result: '$ != 0 ? dst / $ : 0' },
  { op: 'sdiv', code: ALU_CODE.DIV, off: 1, operator: 's/=', divmul: true, result: '$ != 0 ? dst s/ $ : 0' },
  { op: 'or', code: ALU_CODE.OR, off: 0, operator: '|=', divmul: false, result: 'dst | $' },
  { op: 'and', code: ALU_CODE.AND, off: 0, operator: '&=', divmul: false, result: 'dst & $' },
  { op: 'lsh', code: ALU_CODE.LSH, off: 0, operator: '<<=', divmul: false, result: 'dst << ($ & mask)' },
  { op: 'rsh', code: ALU_CODE.RSH, off: 0, operator: '>>=', divmul: false, result: 'dst >> ($ & mask)' },
  { op: 'mod', code: ALU_CODE.MOD, off: 0, operator: '%=', divmul: true, result: '$ != 0 ? dst % $ : dst' },
  { op: 'smod', code: ALU_CODE.MOD, off: 1, operator: 's%=', divmul: true, result: '$ != 0 ? dst s% $ : dst' },
  { op: 'xor', code: ALU_CODE.XOR, off: 0, operator: '^=', divmul: false, result: 'dst ^ $' },
  { op: 'mov', code: ALU_CODE.MOV, off: 0, operator: '=', divmul: false, result: '$' },
  { op: 'arsh', code: ALU_CODE.ARSH, off: 0, operator: 's>>=', divmul: false, result: 'dst s>> ($ & mask)' },
]

/** In the conformance syntax the 32-bit form is marked and the 64-bit form may be. */
function conformanceNames(mnemonic: string, width: 32 | 64): readonly string[] {
  return width === 32 ? [`${mnemonic}32`] : [mnemonic, `${mnemonic}64`]
}

function aluRows(family: AluFamily): InstructionRow[] {
  return WIDTHS.flatMap((width) =>
    FORMS.map((form): InstructionRow => {
      const reg = registerForm(width)
      const operand = form === 'reg' ? `{${reg}:src}` : `{${immediateForm(width)}:imm}`
      const result = family.result.replaceAll('$', form === 'reg' ? 'src' : 'imm').replace('mask', `${width - 1}`)
      return {
        name: `${family.op}${width}_${form}`,
        opcode: (width === 64 ? CLASS.ALU64 : CLASS.ALU) | SOURCE[form === 'reg' ? 'X' : 'K'] | family.code,
        dst: 'reg',
        src: form === 'reg' ? 'reg' : 0,
        off: family.off,
        imm: form === 'reg' ? 0 : 'value',
        shape: { kind: 'alu', op: family.op, width, form },
        kernel: [`{${reg}:dst} ${family.operator} ${operand}`],
        conformance: conformanceNames(family.op, width).map(
          (name) => `${name} {%:dst}, ${form === 'reg' ? '{%:src}' : '{imm:imm}'}`,
        ),
        group: family.divmul ? (width === 64 ? 'divmul64' : 'divmul32') : width === 64 ? 'base64' : 'base32',
        since: RFC,
        semantics: width === 64 ? `dst = ${result}` : `dst = (u32)(${result}), on the lower halves`,
      }
    }),
  )
}

const NEG: readonly InstructionRow[] = WIDTHS.map((width) => ({
  name: `neg${width}`,
  opcode: (width === 64 ? CLASS.ALU64 : CLASS.ALU) | SOURCE.K | ALU_CODE.NEG,
  dst: 'reg',
  src: 0,
  off: 0,
  imm: 0,
  shape: { kind: 'neg', width },
  kernel: [`{${registerForm(width)}:dst} = -{${registerForm(width)}:dst}`],
  conformance: conformanceNames('neg', width).map((name) => `${name} {%:dst}`),
  group: width === 64 ? 'base64' : 'base32',
  since: RFC,
  semantics: width === 64 ? 'dst = -dst' : 'dst = (u32)-dst',
}))

const MOVSX: readonly InstructionRow[] = (
  [
    [32, 8],
    [32, 16],
    [64, 8],
    [64, 16],
    [64, 32],
  ] as const
).map(([width, bits]) => ({
  name: `movsx${bits}_${width}`,
  opcode: (width === 64 ? CLASS.ALU64 : CLASS.ALU) | SOURCE.X | ALU_CODE.MOV,
  dst: 'reg',
  src: 'reg',
  off: bits,
  imm: 0,
  shape: { kind: 'movsx', width, bits },
  kernel: [`{${registerForm(width)}:dst} = (s${bits}){${registerForm(width)}:src}`],
  conformance: [`movsx${bits}${width} {%:dst}, {%:src}`],
  group: width === 64 ? 'base64' : 'base32',
  since: RFC,
  semantics: width === 64 ? `dst = (s64)(s${bits})src` : `dst = (u32)(s32)(s${bits})src`,
}))

const ADDR_SPACE_CAST: InstructionRow = {
  name: 'addr_space_cast',
  opcode: CLASS.ALU64 | SOURCE.X | ALU_CODE.MOV,
  dst: 'reg',
  src: 'reg',
  off: 1,
  imm: 'spaces',
  shape: { kind: 'addr_space_cast' },
  kernel: ['{r:dst} = addr_space_cast({r:src}, {hi:imm}, {lo:imm})'],
  conformance: ['addr_space_cast {%:dst}, {%:src}, {hi:imm}, {lo:imm}'],
  group: 'addr_space_cast',
  since: 'Linux 6.9',
  semantics: 'dst = src converted to address space imm >> 16 from address space imm & 0xffff',
}

const ENDIAN_ENCODING = {
  le: { opcode: CLASS.ALU | SOURCE.K | ALU_CODE.END, names: ['le'], semantics: 'htole' },
  be: { opcode: CLASS.ALU | SOURCE.X | ALU_CODE.END, names: ['be'], semantics: 'htobe' },
  bswap: { opcode: CLASS.ALU64 | SOURCE.K | ALU_CODE.END, names: ['bswap', 'swap'], semantics: 'bswap' },
} as const

const ENDIAN: readonly InstructionRow[] = (['le', 'be', 'bswap'] as const).flatMap((op) =>
  ([16, 32, 64] as const).map(
    (bits): InstructionRow => ({
      name: `${op}${bits}`,
      opcode: ENDIAN_ENCODING[op].opcode,
      dst: 'reg',
      src: 0,
      off: 0,
      imm: bits,
      shape: { kind: 'endian', op, bits },
      kernel: [`{r:dst} = ${op}${bits} {r:dst}`],
      conformance: ENDIAN_ENCODING[op].names.map((name) => `${name}${bits} {%:dst}`),
      group: bits === 64 ? 'base64' : 'base32',
      since: RFC,
      semantics: `dst = ${ENDIAN_ENCODING[op].semantics}${bits}(dst)`,
    }),
  ),
)

const LOADS: readonly InstructionRow[] = SIZES.map((size) => ({
  name: `ldx${SIZE_SUFFIX[size]}`,
  opcode: CLASS.LDX | MODE.MEM | SIZE_BITS[size],
  dst: 'reg',
  src: 'reg',
  off: 'value',
  imm: 0,
  shape: { kind: 'load', size, signed: false },
  kernel: valueForms(size).map((form) => `{${form}:dst} = *(u${8 * size} *)({r:src}{sum:off})`),
  conformance: [`ldx${SIZE_SUFFIX[size]} {%:dst}, [{%:src}{sum+:off}]`],
  group: sizeGroup(size),
  since: RFC,
  semantics: `dst = *(u${8 * size} *)(src + off)`,
}))

const SIGNED_LOADS: readonly InstructionRow[] = ([1, 2, 4] as const).map((size) => ({
  name: `ldxs${SIZE_SUFFIX[size]}`,
  opcode: CLASS.LDX | MODE.MEMSX | SIZE_BITS[size],
  dst: 'reg',
  src: 'reg',
  off: 'value',
  imm: 0,
  shape: { kind: 'load', size, signed: true },
  kernel: [`{r:dst} = *(s${8 * size} *)({r:src}{sum:off})`],
  conformance: [`ldxs${SIZE_SUFFIX[size]} {%:dst}, [{%:src}{sum+:off}]`],
  group: 'base32',
  since: RFC,
  semantics: `dst = (s64)*(s${8 * size} *)(src + off)`,
}))

const STORES: readonly InstructionRow[] = SIZES.flatMap((size) =>
  FORMS.map((form): InstructionRow => {
    const place = `*(u${8 * size} *)({r:dst}{sum:off})`
    const mnemonic = `${form === 'reg' ? 'stx' : 'st'}${SIZE_SUFFIX[size]}`
    return {
      name: mnemonic,
      opcode: CLASS[form === 'reg' ? 'STX' : 'ST'] | MODE.MEM | SIZE_BITS[size],
      dst: 'reg',
      src: form === 'reg' ? 'reg' : 0,
      off: 'value',
      imm: form === 'reg' ? 0 : 'value',
      shape: { kind: 'store', size, form },
      kernel:
        form === 'reg'
          ? valueForms(size).map((value) => `${place} = {${value}:src}`)
          : [`${place} = {${size === 8 ? 'imm' : 'imm32'}:imm}`],
      conformance: [`${mnemonic} [{%:dst}{sum+:off}], ${form === 'reg' ? '{%:src}' : '{imm:imm}'}`],
      group: sizeGroup(size),
      since: RFC,
      semantics: `*(u${8 * size} *)(dst + off) = ${form === 'reg' ? 'src' : 'imm'}`,
    }
  }),
)

const ATOMIC_OPERATOR = { add: '+=', or: '|=', and: '&=', xor: '^=' } as const

function atomicRow(
  size: 4 | 8,
  op: AtomicOp,
  fetch: boolean,
  name: string,
  kernel: readonly string[],
  conformance: readonly string[],
  semantics: string,
): InstructionRow {
  return {
    name: `${name}${8 * size}`,
    opcode: CLASS.STX | MODE.ATOMIC | SIZE_BITS[size],
    dst: 'reg',
    src: 'reg',
    off: 'value',
    imm: ATOMIC_CODE[op] | (fetch ? ATOMIC_FETCH : 0),
    shape: { kind: 'atomic', op, size, fetch },
    kernel,
    conformance,
    group: size === 8 ? 'atomic64' : 'atomic32',
    since: RFC,
    semantics,
  }
}

function atomicRows(size: 4 | 8): InstructionRow[] {
  const bits = 8 * size
  const suffix = size === 8 ? '' : '32'
  const forms = valueForms(size)
  const type = `*(u${bits} *)(dst + off)`
  /** The kernel prints `atomic64_` for 64 bits, and always 64-bit register names. */
  const kernelPrefix = size === 8 ? 'atomic64' : 'atomic'
  const pointer = `(u${bits} *)({r:dst}{sum:off})`
  const llvmSuffix = size === 8 ? '_64' : '32_32'
  const place = '[{%:dst}{sum+:off}], {%:src}'
  const simple = (['add', 'or', 'and', 'xor'] as const).flatMap((op) => [
    atomicRow(
      size,
      op,
      false,
      `atomic_${op}`,
      forms.map((form) => `lock *${pointer} ${ATOMIC_OPERATOR[op]} {${form}:src}`),
      [`lock ${op}${suffix} ${place}`],
      `lock ${type} ${ATOMIC_OPERATOR[op]} src`,
    ),
    atomicRow(
      size,
      op,
      true,
      `atomic_fetch_${op}`,
      [
        ...forms.map((form) => `{${form}:src} = atomic_fetch_${op}(${pointer}, {${form}:src})`),
        ...(size === 8 ? [`{r:src} = atomic64_fetch_${op}(${pointer}, {r:src})`] : []),
      ],
      [`lock fetch ${op}${suffix} ${place}`, `lock fetch_${op}${suffix} ${place}`],
      `src = fetch and ${op}(${type}, src)`,
    ),
  ])
  return [
    ...simple,
    atomicRow(
      size,
      'xchg',
      true,
      'xchg',
      [
        `{${forms[0]}:src} = xchg${llvmSuffix}({r:dst}{sum:off}, {${forms[0]}:src})`,
        `{r:src} = ${kernelPrefix}_xchg(${pointer}, {r:src})`,
      ],
      [`lock xchg${suffix} ${place}`],
      `src = exchange(${type}, src)`,
    ),
    atomicRow(
      size,
      'cmpxchg',
      true,
      'cmpxchg',
      [
        `${forms[0]}0 = cmpxchg${llvmSuffix}({r:dst}{sum:off}, ${forms[0]}0, {${forms[0]}:src})`,
        `r0 = ${kernelPrefix}_cmpxchg(${pointer}, r0, {r:src})`,
      ],
      [`lock cmpxchg${suffix} ${place}`],
      `r0 = compare and exchange(${type}, r0, src)`,
    ),
  ]
}

const ORDERED: readonly InstructionRow[] = SIZES.flatMap((size): InstructionRow[] => {
  const common = {
    opcode: CLASS.STX | MODE.ATOMIC | SIZE_BITS[size],
    dst: 'reg',
    src: 'reg',
    off: 'value',
    group: 'load_acquire_store_release',
    since: 'Linux 6.15',
  } as const
  const suffix = SIZE_SUFFIX[size]
  return [
    {
      ...common,
      name: `load_acquire${8 * size}`,
      imm: LOAD_ACQUIRE,
      shape: { kind: 'load_acquire', size },
      kernel: valueForms(size).map((form) => `{${form}:dst} = load_acquire((u${8 * size} *)({r:src}{sum:off}))`),
      conformance: [`load_acquire${suffix} {%:dst}, [{%:src}{sum+:off}]`],
      semantics: `dst = load-acquire *(u${8 * size} *)(src + off)`,
    },
    {
      ...common,
      name: `store_release${8 * size}`,
      imm: STORE_RELEASE,
      shape: { kind: 'store_release', size },
      kernel: valueForms(size).map((form) => `store_release((u${8 * size} *)({r:dst}{sum:off}), {${form}:src})`),
      conformance: [`store_release${suffix} [{%:dst}{sum+:off}], {%:src}`],
      semantics: `store-release *(u${8 * size} *)(dst + off) = src`,
    },
  ]
})

const PACKET: readonly InstructionRow[] = (['abs', 'ind'] as const).flatMap((mode) =>
  ([1, 2, 4] as const).map((size): InstructionRow => {
    const type = `*(u${8 * size} *)`
    const mnemonic = `ld${mode}${SIZE_SUFFIX[size]}`
    return {
      name: mnemonic,
      opcode: CLASS.LD | (mode === 'abs' ? MODE.ABS : MODE.IND) | SIZE_BITS[size],
      dst: 0,
      src: mode === 'abs' ? 0 : 'reg',
      off: 0,
      imm: 'value',
      shape: { kind: 'load_packet', mode, size },
      kernel:
        mode === 'abs'
          ? [`r0 = ${type}skb[{imm:imm}]`]
          : [`r0 = ${type}skb[{r:src}]`, `r0 = ${type}skb[{r:src}{sum:imm}]`],
      conformance: [mode === 'abs' ? `${mnemonic} {imm:imm}` : `${mnemonic} {%:src}, {imm:imm}`],
      group: 'packet',
      since: RFC,
      semantics: `r0 = ntoh(${type}(packet + ${mode === 'abs' ? 'imm' : 'src + imm'})); outside the packet, return 0`,
    }
  }),
)

interface LddwFamily {
  readonly source: LddwSource
  readonly value: readonly string[]
  readonly imm2: 'value' | 0
  readonly result: string
}

/** In the order of the src field, 0 to 6 (RFC 9669, section 5.4). Linux puts a module's BTF descriptor beside var_addr. */
const LDDW_SOURCES: readonly LddwFamily[] = [
  { source: 'imm64', value: ['{imm64:imm}'], imm2: 'value', result: '(next_imm << 32) | imm' },
  { source: 'map_fd', value: ['map_by_fd({imm:imm})'], imm2: 0, result: 'map_by_fd(imm)' },
  {
    source: 'map_value',
    value: ['map_val(map_by_fd({imm:imm})){sum:imm2}'],
    imm2: 'value',
    result: 'map_val(map_by_fd(imm)) + next_imm',
  },
  {
    source: 'var_addr',
    value: ['var_addr({imm:imm})', 'var_addr({imm:imm}, {imm:imm2})'],
    imm2: 'value',
    result: 'var_addr(imm)',
  },
  { source: 'code_addr', value: ['code_addr({goto:imm})'], imm2: 0, result: 'code_addr(imm)' },
  { source: 'map_idx', value: ['map_by_idx({imm:imm})'], imm2: 0, result: 'map_by_idx(imm)' },
  {
    source: 'map_idx_value',
    value: ['map_val(map_by_idx({imm:imm})){sum:imm2}'],
    imm2: 'value',
    result: 'map_val(map_by_idx(imm)) + next_imm',
  },
]

const LDDW: readonly InstructionRow[] = LDDW_SOURCES.map((family, src) => ({
  name: `lddw_${family.source}`,
  opcode: CLASS.LD | MODE.IMM | SIZE_BITS[8],
  dst: 'reg',
  src,
  off: 0,
  imm: 'value',
  imm2: family.imm2,
  shape: { kind: 'lddw', source: family.source },
  kernel: family.value.map((value) => `{r:dst} = ${value}${src === 0 ? ' ll' : ''}`),
  conformance: family.value.map((value) => `lddw {%:dst}, ${value}`),
  group: 'base64',
  since: RFC,
  semantics: `dst = ${family.result}`,
}))

const JUMPS: readonly { readonly op: JumpOp; readonly code: number; readonly operator: string }[] = [
  { op: 'eq', code: JUMP_CODE.JEQ, operator: '==' },
  { op: 'gt', code: JUMP_CODE.JGT, operator: '>' },
  { op: 'ge', code: JUMP_CODE.JGE, operator: '>=' },
  { op: 'set', code: JUMP_CODE.JSET, operator: '&' },
  { op: 'ne', code: JUMP_CODE.JNE, operator: '!=' },
  { op: 'sgt', code: JUMP_CODE.JSGT, operator: 's>' },
  { op: 'sge', code: JUMP_CODE.JSGE, operator: 's>=' },
  { op: 'lt', code: JUMP_CODE.JLT, operator: '<' },
  { op: 'le', code: JUMP_CODE.JLE, operator: '<=' },
  { op: 'slt', code: JUMP_CODE.JSLT, operator: 's<' },
  { op: 'sle', code: JUMP_CODE.JSLE, operator: 's<=' },
]

const CONDITIONAL: readonly InstructionRow[] = JUMPS.flatMap(({ op, code, operator }) =>
  WIDTHS.flatMap((width) =>
    FORMS.map((form): InstructionRow => {
      const reg = registerForm(width)
      const operand = form === 'reg' ? `{${reg}:src}` : `{${immediateForm(width)}:imm}`
      const halves = width === 64 ? '' : ', on the lower halves'
      return {
        name: `j${op}${width}_${form}`,
        opcode: (width === 64 ? CLASS.JMP : CLASS.JMP32) | SOURCE[form === 'reg' ? 'X' : 'K'] | code,
        dst: 'reg',
        src: form === 'reg' ? 'reg' : 0,
        off: 'value',
        imm: form === 'reg' ? 0 : 'value',
        shape: { kind: 'jump', op, width, form },
        kernel: [`if {${reg}:dst} ${operator} ${operand} goto {goto:off}`],
        conformance: conformanceNames(`j${op}`, width).map(
          (name) => `${name} {%:dst}, ${form === 'reg' ? '{%:src}' : '{imm:imm}'}, {goto:off}`,
        ),
        group: width === 64 ? 'base64' : 'base32',
        since: RFC,
        semantics: `if dst ${operator} ${form === 'reg' ? 'src' : 'imm'} goto +off${halves}`,
      }
    }),
  ),
)

const CONTROL: readonly InstructionRow[] = [
  {
    name: 'goto',
    opcode: CLASS.JMP | JUMP_CODE.JA,
    dst: 0,
    src: 0,
    off: 'value',
    imm: 0,
    shape: { kind: 'goto', wide: false },
    kernel: ['goto {goto:off}'],
    conformance: ['ja {goto:off}'],
    group: 'base32',
    since: RFC,
    semantics: 'goto +off',
  },
  {
    name: 'gotol',
    opcode: CLASS.JMP32 | JUMP_CODE.JA,
    dst: 0,
    src: 0,
    off: 0,
    imm: 'value',
    shape: { kind: 'goto', wide: true },
    kernel: ['gotol {goto:imm}'],
    conformance: ['ja32 {goto:imm}'],
    group: 'base32',
    since: RFC,
    semantics: 'goto +imm',
  },
  {
    name: 'gotox',
    opcode: CLASS.JMP | SOURCE.X | JUMP_CODE.JA,
    dst: 'reg',
    src: 0,
    off: 0,
    imm: 0,
    shape: { kind: 'goto_indirect' },
    kernel: ['gotox {r:dst}'],
    conformance: ['gotox {%:dst}'],
    group: 'indirect_jump',
    since: 'Linux 6.19',
    semantics: 'goto the instruction whose address is in dst',
  },
  {
    name: 'may_goto',
    opcode: CLASS.JMP | JUMP_CODE.JCOND,
    dst: 0,
    src: 0,
    off: 'value',
    imm: 0,
    shape: { kind: 'may_goto' },
    kernel: ['may_goto {goto:off}'],
    conformance: ['may_goto {goto:off}'],
    group: 'may_goto',
    since: 'Linux 6.9',
    semantics: "goto +off if the frame's iteration budget is used up; else take one from it",
  },
  {
    name: 'call_helper',
    opcode: CLASS.JMP | JUMP_CODE.CALL,
    dst: 0,
    src: 0,
    off: 0,
    imm: 'value',
    shape: { kind: 'call', target: 'helper' },
    kernel: ['call {helper:imm}'],
    conformance: ['call {helper:imm}', 'call helper {helper:imm}'],
    group: 'base32',
    since: RFC,
    semantics: 'r0 = helper function imm (r1, r2, r3, r4, r5)',
  },
  {
    name: 'call_local',
    opcode: CLASS.JMP | JUMP_CODE.CALL,
    dst: 0,
    src: 1,
    off: 0,
    imm: 'value',
    shape: { kind: 'call', target: 'local' },
    kernel: ['call {local:imm}'],
    conformance: ['call local {goto:imm}', 'call {local:imm}'],
    group: 'base32',
    since: RFC,
    semantics: 'r0 = function at +imm (r1, r2, r3, r4, r5), in a new frame',
  },
  {
    name: 'call_kfunc',
    opcode: CLASS.JMP | JUMP_CODE.CALL,
    dst: 0,
    src: 2,
    off: 'value',
    imm: 'value',
    shape: { kind: 'call', target: 'kfunc' },
    kernel: ['call kfunc {kfunc:imm}', 'call kfunc {kfunc:imm}, {imm:off}'],
    conformance: ['call runtime {kfunc:imm}', 'call runtime {kfunc:imm}, {imm:off}'],
    group: 'base32',
    since: RFC,
    semantics: 'r0 = helper function with BTF id imm (r1, r2, r3, r4, r5)',
  },
  {
    name: 'callx',
    opcode: CLASS.JMP | SOURCE.X | JUMP_CODE.CALL,
    dst: 'reg',
    src: 0,
    off: 0,
    imm: 0,
    shape: { kind: 'callx' },
    kernel: ['callx {r:dst}'],
    conformance: ['callx {%:dst}', 'call {%:dst}', 'call helper {%:dst}'],
    group: 'callx',
    since: 'clang 19',
    semantics: 'r0 = function whose number or address is in dst (r1, r2, r3, r4, r5)',
  },
  {
    // clang before 19 put the register into the immediate.
    name: 'callx_imm',
    opcode: CLASS.JMP | SOURCE.X | JUMP_CODE.CALL,
    dst: 0,
    src: 0,
    off: 0,
    imm: 'reg',
    shape: { kind: 'callx' },
    kernel: [],
    conformance: [],
    group: 'callx',
    since: 'clang before 19',
    semantics: 'r0 = function whose number or address is in register imm (r1, r2, r3, r4, r5)',
    decodeOnly: true,
  },
  {
    name: 'exit',
    opcode: CLASS.JMP | JUMP_CODE.EXIT,
    dst: 0,
    src: 0,
    off: 0,
    imm: 0,
    shape: { kind: 'exit' },
    kernel: ['exit'],
    conformance: ['exit'],
    group: 'base32',
    since: RFC,
    semantics: 'return r0',
  },
]

/** Every encoding that exists, by family. */
export const INSTRUCTION_TABLE: readonly InstructionRow[] = [
  ...ALU.flatMap(aluRows),
  ...NEG,
  ...MOVSX,
  ADDR_SPACE_CAST,
  ...ENDIAN,
  ...LOADS,
  ...SIGNED_LOADS,
  ...STORES,
  ...atomicRows(4),
  ...atomicRows(8),
  ...ORDERED,
  ...LDDW,
  ...PACKET,
  ...CONDITIONAL,
  ...CONTROL,
]
