/**
 * Small programs in assembler text, and what the verifier says of them: `accept`, or what Linux would log.
 * @module
 */
import { Btf, type BtfType } from '../../../src/btf/index.ts'
import { assemble } from '../../../src/isa/index.ts'
import { linux } from '../../../src/spec/index.ts'
import type { VerifierMap, VerifierProgram, VerifierReference, VerifyOptions } from '../../../src/verifier/program.ts'
import { regTypeName } from '../../../src/verifier/report/type-names.ts'
import { verify } from '../../../src/verifier/verify.ts'

export interface Judged extends VerifyOptions {
  readonly type?: string
  readonly attachType?: string
  readonly attachTo?: string
  readonly license?: string
  readonly sleepable?: boolean
  readonly byteOrder?: 'little' | 'big'
  /** `map_by_fd(0)` is the first. */
  readonly maps?: readonly VerifierMap[]
}

export const ARRAY: VerifierMap = { name: 'array', type: 2, keySize: 4, valueSize: 48, maxEntries: 1, flags: 0 }
export const HASH: VerifierMap = { name: 'hash', type: 1, keySize: 8, valueSize: 16, maxEntries: 8, flags: 0 }

const HELPERS: Readonly<Record<string, number>> = {
  map_lookup_elem: 1,
  map_update_elem: 2,
  probe_read: 4,
  get_prandom_u32: 7,
  get_current_comm: 16,
  skb_load_bytes: 26,
  csum_diff: 28,
  sk_lookup_tcp: 84,
  sk_release: 86,
  sk_fullsock: 95,
  tcp_sock: 96,
  probe_read_kernel: 113,
  ringbuf_reserve: 131,
  ringbuf_submit: 132,
}

/** Verifies for Linux 6.18, trusted unless said otherwise. Gives `accept` or the lines of the failure, joined by `; `. */
export function judge(text: string, options: Judged = {}): string {
  const insns = assemble(text, { resolve: (name) => HELPERS[name] })
  const references = new Map<number, VerifierReference>()
  insns.forEach((insn, slot) => {
    if (insn.kind !== 'lddw') return
    const map = options.maps?.[insn.imm]
    if (insn.source === 'map_fd' && map !== undefined) references.set(slot, { kind: 'map', map })
    if (insn.source === 'map_value' && map !== undefined) {
      references.set(slot, { kind: 'map_value', map, offset: insn.imm2 })
    }
  })
  const { type, attachType, attachTo, license, sleepable, byteOrder, maps: _, ...rest } = options
  const program: VerifierProgram = {
    name: 'test',
    type: type ?? 'socket_filter',
    license: license ?? 'GPL',
    insns,
    references,
    ...(attachType !== undefined && { attachType }),
    ...(attachTo !== undefined && { attachTo }),
    ...(sleepable !== undefined && { sleepable }),
    ...(byteOrder !== undefined && { byteOrder }),
  }
  const report = verify(program, linux('6.18'), { author: 'trusted', explain: false, ...rest })
  return report.error === undefined ? 'accept' : report.error.lines.join('; ')
}

/** The type of a register before an instruction, the last time that it is processed; undefined if it never is. */
export function typeBefore(text: string, insn: number, regno: number, options: Judged = {}): string | undefined {
  let type: string | undefined
  judge(text, {
    ...options,
    observer: {
      onInsn: (at, state) => {
        if (at === insn) type = regTypeName(state.reg(regno).type)
      },
    },
  })
  return type
}

/** What types of kernel BTF are written as here: without ids, which follow from the order, from 1. */
type WithoutId = BtfType extends infer T ? (T extends unknown ? Omit<T, 'id'> : never) : never

export function btfOf(...types: readonly WithoutId[]): Btf {
  const all = [{ kind: 'void', id: 0, name: '' }, ...types.map((type, i) => ({ ...type, id: i + 1 }))]
  return new Btf(all as BtfType[], { byteOrder: 'little' })
}

/** Puts a random number into r9, a context into r6. */
export const UNKNOWN = `
  r6 = r1
  call get_prandom_u32
  r9 = r0`

/** Looks up key 0 of map 0; a pointer to its value in r7. */
export const VALUE = `
  *(u64 *)(r10 - 8) = 0
  r2 = r10
  r2 += -8
  r1 = map_by_fd(0)
  call map_lookup_elem
  if r0 != 0 goto found
  r0 = 0
  exit
found:
  r7 = r0`

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
  return rows.map(([name, program, verdict, options = usual]) => ({ name, program, verdict, options }))
}
