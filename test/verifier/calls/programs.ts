/**
 * Small programs that call helpers and kernel functions, in assembler text, and what the verifier says of them: `accept`,
 * or what Linux would log.
 * @module
 */
import { Btf, type BtfType } from '../../../src/btf/index.ts'
import { assemble, type Instruction } from '../../../src/isa/index.ts'
import { linux } from '../../../src/spec/index.ts'
import type {
  VerifierFunction,
  VerifierMap,
  VerifierProgram,
  VerifierReference,
  VerifyOptions,
} from '../../../src/verifier/program.ts'
import { verify } from '../../../src/verifier/verify.ts'

export const PLATFORM = linux('6.18')

export interface Judged extends VerifyOptions {
  readonly type?: string
  readonly attachType?: string
  readonly attachTo?: string
  readonly license?: string
  readonly sleepable?: boolean
  readonly btf?: Btf
  /** `map_by_fd(0)` is the first. */
  readonly maps?: readonly VerifierMap[]
  readonly functions?: readonly VerifierFunction[]
}

export const ARRAY: VerifierMap = { name: 'array', type: 2, keySize: 4, valueSize: 48, maxEntries: 4, flags: 0 }
export const HASH: VerifierMap = { name: 'hash', type: 1, keySize: 4, valueSize: 16, maxEntries: 8, flags: 0 }
export const RINGBUF: VerifierMap = { name: 'rb', type: 27, keySize: 0, valueSize: 0, maxEntries: 4096, flags: 0 }
export const PROGRAMS: VerifierMap = { name: 'progs', type: 3, keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 }

const HELPERS = new Map([...PLATFORM.helpers.values()].map((helper) => [helper.name, helper.id]))
/** Names that are no helpers' are kernel functions': they get numbers from here on. */
const KFUNCS_FROM = 1_000_000

/** Verifies for Linux 6.18, trusted unless said otherwise. Gives `accept` or the lines of the failure, joined by `; `. */
export function judge(text: string, options: Judged = {}): string {
  const kfuncs: string[] = []
  const assembled = assemble(text, {
    resolve: (name) => HELPERS.get(name) ?? KFUNCS_FROM + kfuncs.push(name) - 1,
  })
  const references = new Map<number, VerifierReference>()
  const insns = assembled.map((insn, slot): Instruction => {
    if (insn.kind === 'call' && insn.target === 'helper' && insn.imm >= KFUNCS_FROM) {
      references.set(slot, { kind: 'kfunc', name: kfuncs[insn.imm - KFUNCS_FROM]!, weak: false })
      return { kind: 'call', target: 'kfunc', imm: 0, off: 0 }
    }
    const map = insn.kind === 'lddw' ? options.maps?.[insn.imm] : undefined
    if (insn.kind === 'lddw' && map !== undefined) {
      if (insn.source === 'map_fd') references.set(slot, { kind: 'map', map })
      if (insn.source === 'map_value') references.set(slot, { kind: 'map_value', map, offset: insn.imm2 })
    }
    return insn
  })
  const { type, attachType, attachTo, license, sleepable, btf, functions, maps: _, ...rest } = options
  const program: VerifierProgram = {
    name: 'test',
    type: type ?? 'socket_filter',
    license: license ?? 'GPL',
    insns,
    references,
    ...(attachType !== undefined && { attachType }),
    ...(attachTo !== undefined && { attachTo }),
    ...(sleepable !== undefined && { sleepable }),
    ...(btf !== undefined && { btf }),
    ...(functions !== undefined && { functions }),
  }
  const report = verify(program, PLATFORM, { author: 'trusted', explain: false, ...rest })
  return report.error === undefined ? 'accept' : report.error.lines.join('; ')
}

export type WithoutId = BtfType extends infer T ? (T extends unknown ? Omit<T, 'id'> : never) : never

/** Types without ids, which follow from the order, from 1. */
export function btfOf(...types: readonly WithoutId[]): Btf {
  const all = [{ kind: 'void', id: 0, name: '' }, ...types.map((type, i) => ({ ...type, id: i + 1 }))]
  return new Btf(all as BtfType[], { byteOrder: 'little' })
}

/** Key 0 at fp-8, a context in r6. */
export const START = `
  r6 = r1
  *(u64 *)(r10 - 8) = 0`

/** Looks up the key at fp-8 in map 0; a pointer to its value in r7, which may be NULL. */
export const LOOKUP = `${START}
  r2 = r10
  r2 += -8
  r1 = map_by_fd(0)
  call map_lookup_elem
  r7 = r0`

/** A pointer to a value of map 0 in r7. */
export const VALUE = `${LOOKUP}
  if r7 != 0 goto found
  r0 = 0
  exit
found:`

export const END = `
  r0 = 0
  exit`

/** A program, what the verifier says of it, and how it is asked. */
export type Row = readonly [name: string, program: string, verdict: string, options?: Judged]

/** Rows as `it.each` wants them. */
export function cases(
  rows: readonly Row[],
  usual: Judged = {},
): { name: string; program: string; verdict: string; options: Judged }[] {
  return rows.map(([name, program, verdict, options]) => ({
    name,
    program,
    verdict,
    options: { ...usual, ...options },
  }))
}
