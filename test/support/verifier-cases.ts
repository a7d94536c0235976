/**
 * Small programs for the verifier, as assembler text. Maps are called by name (`r1 = map(table)`, `r2 = value(table) + 8`),
 * helpers too (`call map_lookup_elem`).
 * @module
 */
import { parseBtf } from '../../src/btf/index.ts'
import { assembleFor } from '../../src/cli/assembler.ts'
import type { Instruction } from '../../src/isa/index.ts'
import type { Platform } from '../../src/spec/index.ts'
import { hexToBytes } from '../../src/util/index.ts'
import { decodeForVerifier } from '../../src/verifier/decode.ts'
import type { VerifierFunction, VerifierMap, VerifierProgram, VerifierReference } from '../../src/verifier/program.ts'
import type { RejectionCode } from '../../src/verifier/report/codes.ts'
import { BtfBuilder } from './btf-builder.ts'

export interface VerifyCase {
  /** Of a rejection: its code. */
  readonly verdict: 'accept' | RejectionCode
  readonly program: string
  /** Default: xdp. */
  readonly type?: string
  readonly attachType?: string
  /** Default: trusted. */
  readonly author?: 'trusted' | 'untrusted'
  readonly license?: string
  readonly alignment?: 'strict'
  /** Instead of a text, what no text says: instructions in hexadecimal. */
  readonly bytes?: string
  /** Instructions to process; the kernel's limit cannot be set. */
  readonly insnLimit?: number
  /** What BTF says of the functions behind the first, in order; without it there is no BTF. */
  readonly functions?: readonly FunctionKind[]
}

/** `step`: a callback of bpf_loop; `fill`: global, takes a pointer to an int; `twice`: global, takes a number. */
export type FunctionKind = 'step' | 'fill' | 'twice'

export const accept = (program: string, more: Partial<VerifyCase> = {}): VerifyCase => ({
  verdict: 'accept',
  program,
  ...more,
})
export const reject = (verdict: RejectionCode, program: string, more: Partial<VerifyCase> = {}): VerifyCase => ({
  verdict,
  program,
  ...more,
})

const KIND = { int: 1, ptr: 2, struct: 4, func: 12, funcProto: 13 } as const
const INT = 1
const TYPE = { lock: 5, locked: 6, main: 11, step: 12, fill: 13, twice: 14 } as const
const STATIC = 0
const GLOBAL = 1

/** `struct locked { struct bpf_spin_lock lock; int count; }`, and the functions that a program may have. */
function buildTypes(): Uint8Array {
  const types = new BtfBuilder()
  const parameter = (name: string, type: number): number[] => [types.string(name), type]
  const member = (name: string, type: number, bits: number): number[] => [types.string(name), type, bits]
  types
    .type('int', KIND.int, 4, { vlen: 0, words: [0x01000020] })
    .type('', KIND.ptr, INT)
    .type('', KIND.ptr, 0)
    .type('long', KIND.int, 8, { vlen: 0, words: [0x01000040] })
    .type('bpf_spin_lock', KIND.struct, 4, { vlen: 1, words: member('val', INT, 0) })
    .type('locked', KIND.struct, 8, { vlen: 2, words: [...member('lock', 5, 0), ...member('count', INT, 32)] })
    .type('', KIND.funcProto, INT, { vlen: 1, words: parameter('ctx', 3) })
    .type('', KIND.funcProto, 4, { vlen: 2, words: [...parameter('i', 4), ...parameter('context', 3)] })
    .type('', KIND.funcProto, INT, { vlen: 1, words: parameter('number', 2) })
    .type('', KIND.funcProto, INT, { vlen: 1, words: parameter('number', INT) })
    .type('main', KIND.func, 7, { vlen: GLOBAL })
    .type('step', KIND.func, 8, { vlen: STATIC })
    .type('fill', KIND.func, 9, { vlen: GLOBAL })
    .type('twice', KIND.func, 10, { vlen: GLOBAL })
  return types.build()
}

/** As a loader would hand them to the kernel. */
export const CASE_TYPES: Uint8Array = buildTypes()
const BTF = parseBtf(CASE_TYPES)

const READ_ONLY_FOR_PROGRAMS = 0x80
const WRITE_ONLY_FOR_PROGRAMS = 0x100

const map = (
  name: string,
  type: number,
  keySize: number,
  valueSize: number,
  more: Partial<VerifierMap> = {},
): VerifierMap => ({ name, type, keySize, valueSize, maxEntries: 1, flags: 0, ...more })

const MAPS: readonly VerifierMap[] = [
  map('table', 2, 4, 64),
  map('counters', 1, 4, 16, { maxEntries: 16 }),
  map('constants', 2, 4, 8, {
    flags: READ_ONLY_FOR_PROGRAMS,
    frozen: true,
    contents: new Uint8Array([3, 0, 0, 0, 0, 0, 0, 0]),
  }),
  map('inbox', 2, 4, 8, { flags: READ_ONLY_FOR_PROGRAMS }),
  map('outbox', 2, 4, 8, { flags: WRITE_ONLY_FOR_PROGRAMS }),
  map('locks', 2, 4, 8, { btf: BTF, btfKeyType: INT, btfValueType: TYPE.locked }),
  map('events', 27, 0, 0, { maxEntries: 4096 }),
  map('programs', 3, 4, 4),
]

/** A case as the verifier takes it. */
export function caseProgram(test: VerifyCase, platform: Platform): VerifierProgram {
  const text = test.program
    .replace(/\bmap\((\w+)\)/g, (_, name: string) => `map_by_fd(${mapNumber(name)})`)
    .replace(/\bvalue\((\w+)\)/g, (_, name: string) => `map_val(map_by_fd(${mapNumber(name)}))`)
    .replace(/(map_val\(map_by_fd\(\d+\)\))(?! \+)/g, '$1 + 0')
  const { insns, invalid } =
    test.bytes === undefined
      ? { insns: assembleFor(platform, text), invalid: undefined }
      : decodeForVerifier(hexToBytes(test.bytes), 'little')
  const references = new Map<number, VerifierReference>()
  insns.forEach((insn, slot) => {
    if (insn.kind !== 'lddw') return
    if (insn.source === 'map_fd') references.set(slot, { kind: 'map', map: MAPS[insn.imm]! })
    if (insn.source === 'map_value') {
      references.set(slot, { kind: 'map_value', map: MAPS[insn.imm]!, offset: insn.imm2 })
    }
  })
  return {
    name: 'main',
    type: test.type ?? 'xdp',
    ...(test.attachType !== undefined && { attachType: test.attachType }),
    license: test.license ?? 'GPL',
    insns,
    ...(invalid !== undefined && { invalid }),
    references,
    ...(test.functions !== undefined && { btf: BTF, functions: functionsOf(insns, test.functions) }),
  }
}

function mapNumber(name: string): number {
  const number = MAPS.findIndex((one) => one.name === name)
  if (number < 0) throw new Error(`no map ${name}`)
  return number
}

function functionsOf(insns: readonly Instruction[], kinds: readonly FunctionKind[]): VerifierFunction[] {
  const starts = new Set<number>()
  insns.forEach((insn, slot) => {
    if (insn.kind === 'call' && insn.target === 'local') starts.add(slot + 1 + insn.imm)
    if (insn.kind === 'lddw' && insn.source === 'code_addr') starts.add(slot + 1 + insn.imm)
  })
  const slots = [...starts].sort((a, b) => a - b)
  if (slots.length !== kinds.length) throw new Error(`${slots.length} functions, and types for ${kinds.length}`)
  return [
    { name: 'main', slot: 0, linkage: 'global', btfType: TYPE.main },
    ...kinds.map((kind, i) => ({
      name: kind,
      slot: slots[i]!,
      linkage: kind === 'step' ? ('static' as const) : ('global' as const),
      btfType: TYPE[kind],
    })),
  ]
}
